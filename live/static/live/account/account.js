/** The account page's button "Is it live now?": asks the server about the username in the form. */

import { ask, say, usernameIn } from "../../accounts/account.js";
import { byId, find } from "../../shared/dom.js";

/**
 * @param {HTMLButtonElement} button
 * @param {HTMLFormElement} form The TikTok username's, in which the button is.
 */
function answerIsLive(button, form) {
  const said = find("[data-said=is-live]", HTMLElement, form);
  let asking = false;

  async function isLive() {
    say(said, gettext("Asking TikTok…"));
    try {
      const body = new FormData(form);
      const { live, text } = await ask(button.dataset.address ?? "", { method: "POST", body });
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
  usernameIn(form).addEventListener("input", () => say(said, ""));
}

answerIsLive(byId("ask-is-live", HTMLButtonElement), find("form[data-check]", HTMLFormElement));
