/** The end of a LIVE in the feed: what it has come to, as soon as the relay has written it down. */

import { make } from "../../shared/dom.js";
import { duration, number, shortNumber } from "../../shared/format.js";
import { avatar, nameOf } from "./elements.js";

/** @typedef {import("../lives/data.js").Live & { room_id: string }} Live */

/** The history is written every few seconds. */
const ASK_EVERY = 1500; // ms
const ATTEMPTS = 12;

export class Recap {
  #address;
  #afterwards;

  /** @param {string} address Of the figures of the newest LIVE. @param {string} afterwards Of its page. */
  constructor(address, afterwards) {
    this.#address = address;
    this.#afterwards = afterwards;
  }

  /** A card that fills itself. @param {string} roomId Of the LIVE that has ended. */
  card(roomId) {
    const figures = make("div", "recap-figures");
    const link = make("a", "", gettext("See how it went"));
    link.setAttribute("href", this.#afterwards);
    this.#fill(figures, roomId);
    return make("div", "recap", make("strong", "", gettext("The LIVE has ended")), figures, link);
  }

  /** @param {HTMLElement} figures @param {string} roomId */
  async #fill(figures, roomId) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY));
      const live = await this.#ask();
      if (live?.room_id !== roomId || live.is_heard) continue;
      figures.append(...partsOf(live));
      return;
    }
  }

  /** @returns {Promise<Live | null>} */
  async #ask() {
    try {
      const answer = await fetch(this.#address);
      return answer.ok ? await answer.json() : null;
    } catch {
      return null;
    }
  }
}

/** @param {Live} live */
function partsOf(live) {
  const least = (/** @type {boolean} */ isLeast, /** @type {number} */ value) =>
    isLeast ? interpolate(gettext("at least %(count)s"), { count: number(value) }, true) : number(value);
  const list = make("dl", "recap-numbers");
  for (const [name, value] of [
    [gettext("Duration"), duration(live.seconds)],
    [gettext("Most viewers"), number(live.viewers_peak)],
    [gettext("Likes"), least(live.likes_at_least, live.likes)],
    [gettext("Diamonds"), least(live.at_least, live.diamonds)],
  ]) {
    list.append(make("div", "", make("dt", "", name), make("dd", "", value)));
  }
  if (!live.top_gifters.length) return [list];
  const gifters = live.top_gifters.map((gifter) => {
    const user = { ...gifter, id: gifter.user_id };
    const coins = make("span", "coins", shortNumber(gifter.diamonds));
    return make("li", "", avatar(user), make("span", "name", nameOf(user)), coins);
  });
  const top = make("ol", "recap-top", ...gifters);
  top.setAttribute("aria-label", gettext("Top gifters"));
  return [list, top];
}
