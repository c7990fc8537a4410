/** The lines at the foot of the feed in which joins and likes count up. */

import { byId } from "../../shared/dom.js";
import { joined, liked } from "./lines.js";
import { Rolling } from "./rolling.js";

/** @typedef {import("../relay-client.js").Frame} Frame */

export class RolledLines {
  #rolling = new Rolling();
  #isChanged = false;

  /** @param {Frame} frame */
  take(frame) {
    if (this.#rolling.take(frame)) this.#isChanged = true;
  }

  reset() {
    this.#rolling.reset();
    this.#isChanged = true;
  }

  paint() {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const { join, like } = this.#rolling.lines;
    show(byId("rolled-join"), join && joined(join.user, join.count - 1));
    show(byId("rolled-like"), like && liked(like.user, like.count, like.isOne));
  }
}

/** @param {HTMLElement} place @param {HTMLElement | null} line */
function show(place, line) {
  place.replaceChildren(...(line?.childNodes ?? []));
}
