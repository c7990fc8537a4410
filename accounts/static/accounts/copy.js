/** Buttons with `data-copies="<id>"` copy a field's value or an element's text. Without JavaScript they
 * stay hidden. */

import { copyText } from "../shared/clipboard.js";
import { byId, find } from "../shared/dom.js";

/** @param {HTMLElement} place */
function textOf(place) {
  const isField = place instanceof HTMLInputElement || place instanceof HTMLTextAreaElement;
  return isField ? place.value : (place.textContent ?? "");
}

/** @param {HTMLElement} place */
function select(place) {
  if (place instanceof HTMLInputElement || place instanceof HTMLTextAreaElement) {
    place.select();
  } else {
    getSelection()?.selectAllChildren(place);
  }
}

for (const button of document.querySelectorAll("button[data-copies]")) {
  if (!(button instanceof HTMLButtonElement) || !button.parentElement) continue;
  const { copies = "", done = "", failed = "" } = button.dataset;
  const place = byId(copies);
  const outcome = find("[role=status]", HTMLElement, button.parentElement);
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await copyText(textOf(place), () => select(place));
      outcome.textContent = done;
    } catch {
      select(place);
      outcome.textContent = failed;
    }
  });
}
