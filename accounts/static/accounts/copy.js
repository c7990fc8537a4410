/** Buttons with `data-copies="<id of a field>"` copy its value. Without JavaScript they stay hidden. */

import { byId, find } from "../shared/dom.js";

/** @param {HTMLInputElement | HTMLTextAreaElement} field */
async function copy(field) {
  // navigator.clipboard exists on https and localhost only; relays are also run on plain http.
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(field.value);
  }
  field.select();
  if (!document.execCommand("copy")) {
    throw new Error("the browser does not let pages copy");
  }
}

for (const button of document.querySelectorAll("button[data-copies]")) {
  if (!(button instanceof HTMLButtonElement) || !button.parentElement) continue;
  const { copies = "", done = "", failed = "" } = button.dataset;
  const field = byId(copies);
  if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) continue;
  const outcome = find("[role=status]", HTMLElement, button.parentElement);
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await copy(field);
      outcome.textContent = done;
    } catch {
      field.select();
      outcome.textContent = failed;
    }
  });
}
