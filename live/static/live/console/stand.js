/** Large text and nothing else, for a screen that stands beside the camera. */

import { byId } from "../../shared/dom.js";
import { ScreenLock } from "../aloud/screen-lock.js";

/** Seconds for which the way out is told. */
const HINT_SHOWN_FOR = 5;

export class Stand {
  #console = byId("console");
  #button = byId("stand-on");
  #hint = byId("stand-hint");
  #screen = new ScreenLock();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  constructor() {
    this.#button.addEventListener("click", (event) => {
      event.stopPropagation();
      this.#enter();
    });
    this.#console.addEventListener("click", () => this.#isOn && this.#leave());
    document.addEventListener("keydown", ({ key }) => key === "Escape" && this.#leave());
    document.addEventListener("fullscreenchange", () => {
      if (!document.fullscreenElement) this.#leave();
    });
  }

  get #isOn() {
    return this.#console.classList.contains("is-stand");
  }

  async #enter() {
    this.#console.classList.add("is-stand");
    this.#screen.want(true);
    this.#hint.hidden = false;
    this.#timer = setTimeout(() => {
      this.#hint.hidden = true;
    }, HINT_SHOWN_FOR * 1000);
    byId("feed").focus({ preventScroll: true });
    try {
      await this.#console.requestFullscreen();
      if (!this.#isOn) await document.exitFullscreen(); // it was left meanwhile
    } catch {
      // Phones of one maker have no such thing, and frames may forbid it: the page's window will do.
    }
  }

  #leave() {
    if (!this.#isOn) return;
    clearTimeout(this.#timer);
    this.#hint.hidden = true;
    this.#console.classList.remove("is-stand");
    this.#screen.want(false);
    if (document.fullscreenElement) document.exitFullscreen();
    this.#button.focus();
  }
}
