/** The staff's page of one LIVE: keeps itself up to date, and tests the connection in place. */

import { element, say } from "./words.js";

const REFRESH = 2000; // ms

const parse = (/** @type {string} */ html) => new DOMParser().parseFromString(html, "text/html");

/**
 * Whether somebody is in the middle of something there: has focus in it, or has selected text.
 *
 * @param {Element} part
 */
function inUse(part) {
  const selection = document.getSelection();
  const selected = selection && !selection.isCollapsed && selection.containsNode(part, true);
  return selected || part.contains(document.activeElement);
}

/** Take the parts that have changed from a fresh copy of the page. */
async function refresh() {
  const response = await fetch(location.href);
  if (!response.ok || response.redirected) return;
  const fresh = parse(await response.text());
  for (const part of document.querySelectorAll("[data-refreshed]")) {
    const now = fresh.getElementById(part.id);
    if (now && !now.isEqualNode(part) && !inUse(part)) part.replaceChildren(...now.childNodes);
  }
}

async function keepRefreshing() {
  try {
    if (!document.hidden) await refresh();
  } catch {
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
    const response = await fetch(form.action, { method: "POST", body: new FormData(form) });
    const found = parse(await response.text()).getElementById("outcome");
    if (!found) throw new Error(`HTTP ${response.status}`);
    outcome.replaceChildren(...found.childNodes);
  } catch {
    say(outcome, gettext("The server did not answer. Try again."));
  }
  button.disabled = false;
  button.focus();
}

element("test").addEventListener("submit", test);
setTimeout(keepRefreshing, REFRESH);
