/** The account page's button "Is it live now?": asks the server about the username in the form. */

import { ask, say } from "../../accounts/account.js";

/** @param {HTMLButtonElement} button In the form of the TikTok username. */
function answerIsLive(button) {
  const form = button.form;
  const said = form.querySelector("[data-said=is-live]");
  let asking = false;

  async function isLive() {
    say(said, gettext("Asking TikTok…"));
    try {
      const body = new FormData(form);
      const { live, text } = await ask(button.dataset.address, { method: "POST", body });
      say(said, text, live === null ? "bad" : live ? "good" : "");
    } catch {
      say(said, gettext("The server did not answer. Reload the page and try again."), "bad");
    }
  }

  button.hidden = false;
  button.addEventListener("click", async () => {
    if (!asking) {
      asking = true;
      await isLive();
      asking = false;
    }
  });
  // What was said is about another name.
  form.elements.namedItem("tiktok_username").addEventListener("input", () => say(said, ""));
}

answerIsLive(/** @type {HTMLButtonElement} */ (document.getElementById("ask-is-live")));
