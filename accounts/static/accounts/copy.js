// Buttons with data-copies="<id of an input>" copy its value. They stay hidden without JavaScript.
"use strict";

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
  const input = document.getElementById(button.dataset.copies);
  const outcome = button.parentElement.querySelector("[role=status]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await copy(input);
      outcome.textContent = button.dataset.done;
    } catch {
      input.select();
      outcome.textContent = button.dataset.failed;
    }
  });
}
