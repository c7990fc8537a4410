/** The staff's page of one LIVE: keeps itself up to date, and tests the connection in place. */

import { fetchPart, refresh, SignedOut } from "../update.js";
import { byId, setText } from "../../shared/dom.js";

const REFRESH = 2000; // ms

async function keepRefreshing() {
  try {
    if (!document.hidden) await refresh(byId("facts"));
  } catch (error) {
    if (error instanceof SignedOut) {
      setText(byId("news"), gettext("This page is no longer updated. Reload it."));
      return;
    }
    // The server is away; the page stays as it is until it is back.
  }
  setTimeout(keepRefreshing, REFRESH);
}

/** @param {SubmitEvent} event */
async function test(event) {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  const outcome = byId("outcome");
  button.disabled = true;
  setText(outcome, gettext("Connecting to TikTok …"));
  try {
    const found = await fetchPart(form.action, { method: "POST", body: new FormData(form) });
    outcome.replaceChildren(...document.adoptNode(found).childNodes);
  } catch (error) {
    const words =
      error instanceof SignedOut
        ? gettext("You are signed out. Load the page again to sign in.")
        : gettext("The server did not answer. Try again.");
    setText(outcome, words);
  }
  button.disabled = false;
  button.focus();
}

byId("test").addEventListener("submit", test);
setTimeout(keepRefreshing, REFRESH);
