/** Viewers with their small curve, likes, and the diamonds of the whole LIVE. */

import { byId, find, setText } from "../../shared/dom.js";
import { briefNumber, localMoment, number } from "../../shared/format.js";
import { Sums } from "./sums.js";
import { Trail } from "./trail.js";

/** @typedef {import("../relay-client.js").Frame} Frame */

const NAMES = /** @type {const} */ (["viewers", "likes", "diamonds"]);

export class Counters {
  #sums = new Sums();
  #trail = new Trail();
  #since = byId("since");
  #curve = /** @type {Element} */ (find(".trail").querySelector("polyline"));

  /** @param {Frame} frame */
  take(frame) {
    this.#sums.take(frame);
    const { viewers } = this.#sums;
    if (viewers !== null && ["viewers", "connected"].includes(frame.type)) {
      this.#trail.add(viewers, frame.ts);
    }
  }

  reset() {
    this.#sums.reset();
    this.#trail.reset();
  }

  paint() {
    for (const name of NAMES) {
      const value = this.#sums[name];
      const shown = byId(`count-${name}`);
      const text = value === null ? "–" : briefNumber(value);
      if (shown.textContent === text) continue;
      shown.textContent = text;
      shown.title = value === null ? "" : number(value);
    }
    const points = this.#trail.points(60, 20);
    if (this.#curve.getAttribute("points") !== points) this.#curve.setAttribute("points", points);
    this.#paintSince();
  }

  /** The relay came late: its sum of diamonds is not the whole LIVE's. */
  #paintSince() {
    const { heardSince, diamonds } = this.#sums;
    let text = "";
    if (heardSince !== null && diamonds !== null) {
      const time = localMoment(new Date(heardSince), "time");
      text = interpolate(gettext("since %(time)s"), { time }, true);
    }
    setText(this.#since, text);
    this.#since.title = text;
  }
}
