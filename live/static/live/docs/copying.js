/** Buttons on blocks of code that copy all of a block, the part that is folded too. */

import { copyText } from "../../shared/clipboard.js";

/** Milliseconds for which a button says that it has copied. */
const SAID_FOR = 2000;

/** @param {ParentNode} page */
export function addCopyButtons(page) {
  // On plain http from another computer, browsers have no clipboard for pages.
  if (!navigator.clipboard) return;
  for (const block of page.querySelectorAll(".snippet")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = gettext("Copy");
    button.addEventListener("click", async () => {
      const parts = [...block.querySelectorAll("code")].map((part) => part.textContent);
      try {
        await copyText(parts.join("\n"));
        button.textContent = gettext("Copied.");
      } catch {
        button.textContent = gettext("The browser does not allow it.");
      }
      setTimeout(() => (button.textContent = gettext("Copy")), SAID_FOR);
    });
    block.append(button);
  }
}
