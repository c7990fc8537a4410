/** The staff's page of one LIVE: keeps itself up to date, and tests the connection in place. */

import { fetchPart, refresh, SignedOut } from "../update.js";
import { element, say } from "./words.js";

const REFRESH = 2000; // ms

async function keepRefreshing() {
  try {
    if (!document.hidden) await refresh(element("facts"));
  } catch (error) {
    if (error instanceof SignedOut) {
      say(element("news"), gettext("This page is no longer updated. Reload it."));
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
  const outcome = element("outcome");
  button.disabled = true;
  say(outcome, gettext("Connecting to TikTok …"));
  try {
    const found = await fetchPart(form.action, { method: "POST", body: new FormData(form) });
    outcome.replaceChildren(...document.adoptNode(found).childNodes);
  } catch (error) {
    const words =
      error instanceof SignedOut
        ? gettext("You are signed out. Load the page again to sign in.")
        : gettext("The server did not answer. Try again.");
    say(outcome, words);
  }
  button.disabled = false;
  button.focus();
}

element("test").addEventListener("submit", test);
setTimeout(keepRefreshing, REFRESH);
