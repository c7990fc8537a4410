/** While the relay waits for the LIVE: when it looked last, and when it looks next. */

import { byId, setText } from "../../shared/dom.js";
import { duration } from "../../shared/format.js";
import { sayLooks } from "./look-times.js";

/** How often the relay is asked, ms. */
const ASK_EVERY = 15_000;
/** So many seconds are told in minutes. */
const BRIEF = 100;

/** @typedef {import("./look-times.js").Times} Times */

/** Shorter than elsewhere: the line is short. @param {number} seconds */
function brief(seconds) {
  if (seconds >= BRIEF) return duration(seconds);
  return interpolate(gettext("%(s)s s"), { s: Math.floor(seconds) }, true);
}

export class Looks {
  #place = byId("looks");
  #address;
  #token;
  /** @type {Times} */
  #times = { lookedAt: null, nextLookAt: null };
  /** How far the server's clock is ahead of this device's, ms. */
  #ahead = 0;
  /** @type {ReturnType<typeof setInterval>[]} */
  #timers = [];

  /** @param {string} address Of the relay's status. @param {() => Promise<string>} token */
  constructor(address, token) {
    this.#address = address;
    this.#token = token;
  }

  start() {
    if (this.#timers.length) return;
    this.#times = { lookedAt: null, nextLookAt: null };
    this.#timers = [
      setInterval(() => this.#ask(), ASK_EVERY),
      setInterval(() => this.#show(), 1000),
    ];
    this.#ask();
  }

  stop() {
    this.#timers.forEach(clearInterval);
    this.#timers = [];
    this.#place.hidden = true;
  }

  async #ask() {
    if (document.hidden) return;
    try {
      const headers = { Authorization: `Bearer ${await this.#token()}` };
      const answer = await fetch(this.#address, { headers });
      if (!answer.ok) return;
      const { looked_at: lookedAt = null, next_look_at: nextLookAt = null } = await answer.json();
      this.#times = { lookedAt, nextLookAt };
      this.#ahead = aheadBy(answer.headers.get("Date"));
      this.#show();
    } catch {
      // That it waits is said anyway.
    }
  }

  #show() {
    if (!this.#timers.length) return;
    const text = sayLooks(this.#times, Date.now() + this.#ahead, brief);
    setText(this.#place, text);
    this.#place.hidden = !text;
  }
}

/** The header has whole seconds: less than two say nothing. @param {string | null} date */
function aheadBy(date) {
  const ahead = date ? Date.parse(date) - Date.now() : 0;
  return Math.abs(ahead) < 2000 ? 0 : ahead;
}
