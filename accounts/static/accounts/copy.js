/** Buttons with `data-copies="<id of an input>"` copy its value. Without JavaScript they stay hidden. */

import { byId, find } from "../shared/dom.js";

/** @param {HTMLInputElement} input */
async function copy(input) {
  // navigator.clipboard exists on https and localhost only; relays are also run on plain http.
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(input.value);
  }
  input.select();
  if (!document.execCommand("copy")) {
    throw new Error("the browser does not let pages copy");
  }
}

for (const button of document.querySelectorAll("button[data-copies]")) {
  if (!(button instanceof HTMLButtonElement) || !button.parentElement) continue;
  const { copies = "", done = "", failed = "" } = button.dataset;
  const input = byId(copies, HTMLInputElement);
  const outcome = find("[role=status]", HTMLElement, button.parentElement);
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await copy(input);
      outcome.textContent = done;
    } catch {
      input.select();
      outcome.textContent = failed;
    }
  });
}
