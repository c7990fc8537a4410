/** Which gifts stand over the feed: the newest two that are given now, or were a moment ago. */

import { keyOf } from "./gift-key.js";

/** @typedef {import("../relay-client.js").Frame} Frame */
/** @typedef {{ key: string, frame: Frame, until: number }} Running */

const MAX_SHOWN = 2;
/** A streak may stop without a word: after so many ms it is no longer shown. */
const ONGOING_FOR = 10_000;
const ENDED_FOR = 4_000;

export class RunningGifts {
  /** The newest last. @type {Running[]} */
  #running = [];

  /** @param {Frame} frame Of a gift. @param {number} now ms */
  take(frame, now) {
    const key = keyOf(frame);
    const isOngoing = frame.data.streak === "ongoing";
    const running = { key, frame, until: now + (isOngoing ? ONGOING_FOR : ENDED_FOR) };
    const place = this.#running.findIndex((other) => other.key === key);
    // One that counts up stays where it is.
    if (place >= 0) this.#running[place] = running;
    else this.#running.push(running);
    if (this.#running.length > MAX_SHOWN) this.#running.shift();
  }

  /** @param {number} now ms @returns {Running[]} */
  shown(now) {
    this.#running = this.#running.filter(({ until }) => until > now);
    return this.#running;
  }

  reset() {
    this.#running = [];
  }
}
