/** For how long the LIVE has been going on, second by second. */

import { setText } from "../../shared/dom.js";
import { stopwatch } from "../../shared/format.js";

export class LiveClock {
  #place;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#place = place;
  }

  /**
   * @param {number} startedAt ms
   * @param {number} now By the same clock as `startedAt`: the server's may not be this device's.
   */
  start(startedAt, now) {
    this.stop();
    const began = performance.now() - (now - startedAt);
    const show = () => setText(this.#place, stopwatch((performance.now() - began) / 1000));
    show();
    this.#timer = setInterval(show, 1000);
  }

  stop() {
    clearInterval(this.#timer);
    setText(this.#place, "");
  }
}
