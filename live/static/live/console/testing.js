/** The switch to the relay's test endpoint, where that is on, and the mark that says so. */

import { byId } from "../../shared/dom.js";

/** @typedef {import("../relay-client.js").Test} Test */

export class TestSwitch {
  #form = /** @type {HTMLFormElement | null} */ (document.getElementById("test"));

  /** @param {() => void} changed Called when something else is to be played. */
  constructor(changed) {
    this.#form?.addEventListener("change", () => {
      this.mark(Boolean(this.chosen));
      changed();
    });
    this.#form?.addEventListener("submit", (event) => event.preventDefault());
  }

  /** Play made-up events, as if somebody had chosen that. */
  start() {
    const box = this.#form?.querySelector("[name=on]");
    if (!(box instanceof HTMLInputElement) || box.checked) return;
    box.checked = true;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** What is to be played; undefined for the real LIVE. @returns {Test | undefined} */
  get chosen() {
    if (!this.#form) return undefined;
    const { on, fail, replay } = Object.fromEntries(new FormData(this.#form));
    if (!on) return undefined;
    return { fail: String(fail ?? "") || undefined, replay: String(replay ?? "") || undefined };
  }

  /** Say, unmissably, that nothing is real. @param {boolean} isTest */
  mark(isTest) {
    byId("test-banner").hidden = !isTest;
    byId("console").classList.toggle("is-test", isTest);
  }
}
