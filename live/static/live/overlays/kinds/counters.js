/** Counters: viewers, likes, diamonds and more, as numbers. */

import { make, setText } from "../../../shared/dom.js";
import { animate, Pace } from "../stage.js";

/** @typedef {import("../stage.js").Stage} Stage */
/** @typedef {import("../sums.js").Sums} Sums */

const ICONS = /** @type {const} */ ({
  viewers: "viewers",
  likes: "likes",
  diamonds: "diamonds",
  follows: "follow",
  shares: "share",
  comments: "notice",
});
/** How often the numbers change, in ms: faster, nobody reads them. */
const PACE = 250;

/** @typedef {keyof typeof ICONS} Counter */

export class Counters {
  #stage;
  #sums;
  #list = make("ul", "counters");
  /** @type {Map<Counter, HTMLElement>} */
  #numbers = new Map();
  #pace;

  /** @param {Stage} stage @param {Sums} sums */
  constructor(stage, sums) {
    this.#stage = stage;
    this.#pace = new Pace(stage, PACE);
    this.#sums = sums;
    stage.root.append(this.#list);
  }

  /** @param {Record<string, any>} options */
  apply({ shown }) {
    this.#numbers.clear();
    this.#list.replaceChildren(
      ...shown.map((/** @type {Counter} */ name) => {
        const number = make("span", "value", "0");
        this.#numbers.set(name, number);
        const label = make("span", "label", this.#stage.text(`counter ${name}`));
        return make("li", `of-${name}`, this.#stage.icon(ICONS[name]), number, label);
      }),
    );
    this.#pace.hurry();
  }

  take() {}

  paint() {
    if (!this.#pace.isDue()) return;
    for (const [name, number] of this.#numbers) {
      const text = this.#stage.short(this.#sums[name]);
      if (number.textContent === text) continue;
      setText(number, text);
      if (this.#stage.isReduced) continue;
      const steps = [{ transform: "translateY(-0.15em)" }, { transform: "none" }];
      animate(number, steps, { duration: 180 });
    }
  }
}
