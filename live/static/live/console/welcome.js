/**
 * For an account without a TikTok username: from there to its first event, in the feed's place.
 *
 * The username is checked and saved by the account page's own addresses.
 */

import { byId, find, setText } from "../../shared/dom.js";

const CHECK_AFTER = 300; // ms without a key
const NO_ANSWER = gettext("The server did not answer. Reload the page and try again.");

export class Welcome {
  #section = byId("welcome");
  #form = byId("welcome-name", HTMLFormElement);
  #input = byId("welcome-username", HTMLInputElement);
  #said = byId("welcome-name-said");
  #live = byId("welcome-live");
  #liveSaid = byId("welcome-live-said");
  #again = byId("welcome-again", HTMLButtonElement);
  #isSaving = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #csrf;
  #named;

  /**
   * @param {object} page
   * @param {string} page.csrf
   * @param {(username: string) => void} page.named The account has a username now.
   * @param {() => void} page.connect
   * @param {() => void} page.test
   */
  constructor({ csrf, named, connect, test }) {
    this.#csrf = csrf;
    this.#named = named;
    this.#input.addEventListener("input", () => this.#onTyped());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
    byId("welcome-save", HTMLButtonElement).disabled = false;
    this.#again.addEventListener("click", () => this.#look(this.#input.value));
    byId("welcome-connect").addEventListener("click", connect);
    document.getElementById("welcome-test")?.addEventListener("click", test);
  }

  /** @param {boolean} isShown */
  show(isShown) {
    this.#section.hidden = !isShown;
  }

  #onTyped() {
    clearTimeout(this.#timer);
    this.#live.hidden = true; // what was said is about another name
    this.#timer = setTimeout(() => this.#check(), CHECK_AFTER);
  }

  /** @returns {Promise<string | null>} The username as it is saved; null if it can't be. */
  async #check() {
    clearTimeout(this.#timer);
    const { value } = this.#input;
    const query = new URLSearchParams({ value });
    const answer = await this.#ask(`${this.#section.dataset.check}?${query}`);
    if (value !== this.#input.value) return null; // typed on
    if (!answer) {
      this.#refuse(NO_ANSWER);
      return null;
    }
    const { username, problem } = answer;
    if (problem) {
      this.#refuse(problem);
      return null;
    }
    this.#input.removeAttribute("aria-invalid");
    setText(this.#said, username && username !== value ? `→ @${username}` : "");
    this.#said.classList.remove("bad");
    return username;
  }

  async #save() {
    if (this.#isSaving) return;
    this.#isSaving = true;
    try {
      const username = await this.#check();
      if (username === null) return;
      if (!username) {
        this.#refuse(gettext("Enter the name that stands behind the @ on TikTok."));
        return;
      }
      const problem = await this.#send();
      if (problem) {
        this.#refuse(problem);
        return;
      }
      this.#input.value = username;
      setText(this.#said, "");
      this.#named(username);
      await this.#look(username);
    } finally {
      this.#isSaving = false;
    }
  }

  /**
   * The view leads back to the account page if it has saved, and shows what is wrong if not.
   *
   * @returns {Promise<string>} What is wrong; "" if it is saved.
   */
  async #send() {
    try {
      const body = new FormData(this.#form);
      const answer = await fetch(this.#form.action, { method: "POST", body, redirect: "manual" });
      if (answer.type === "opaqueredirect") return "";
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const form = page.querySelector("form:has([name=tiktok_username])");
      return form?.querySelector(".errorlist li")?.textContent?.trim() || NO_ANSWER;
    } catch {
      return NO_ANSWER;
    }
  }

  /** @param {string} username */
  async #look(username) {
    this.#live.hidden = false;
    this.#again.disabled = true;
    setText(find("h3", HTMLElement, this.#live), interpolate(gettext("Is @%(username)s live now?"), { username }, true));
    this.#liveSaid.classList.remove("good");
    setText(this.#liveSaid, gettext("Asking TikTok…"));
    byId("welcome-connect").focus();
    const answer = await this.#ask(this.#section.dataset.isLive ?? "", {
      method: "POST",
      headers: { "X-CSRFToken": this.#csrf },
      body: new URLSearchParams({ tiktok_username: username }),
    });
    this.#again.disabled = false;
    this.#liveSaid.classList.toggle("good", answer?.live === true);
    setText(this.#liveSaid, answer ? answer.text : NO_ANSWER);
    const isOffline = answer?.live === false;
    setText(byId("welcome-connect"), isOffline ? gettext("Wait for the LIVE") : gettext("Connect"));
  }

  /** @param {string} text */
  #refuse(text) {
    this.#input.setAttribute("aria-invalid", "true");
    this.#said.classList.add("bad");
    setText(this.#said, text);
    this.#input.focus();
  }

  /** @param {string} address @param {RequestInit} [options] @returns {Promise<any>} Null: no answer. */
  async #ask(address, options) {
    try {
      const answer = await fetch(address, options);
      return answer.ok && !answer.redirected ? await answer.json() : null;
    } catch {
      return null;
    }
  }
}
