/** Gift ticker: the latest gifts side by side, the newest first. */

import { make } from "../../../shared/dom.js";
import { animate, Pace } from "../stage.js";
import { streakOf } from "../sums.js";

/** @typedef {import("../stage.js").Stage} Stage */
/** @typedef {import("../../relay-client.js").Frame} Frame */

/** No more often than that do gifts come in, in ms. */
const PACE = 150;

export class Ticker {
  #stage;
  #list = make("ul", "ticker");
  /** Those that have changed, by streak; oldest first. @type {Map<string, Frame>} */
  #coming = new Map();
  /** By streak, oldest first. @type {Map<string, { node: HTMLElement, count: HTMLElement }>} */
  #chips = new Map();
  #pace;

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    this.#pace = new Pace(stage, PACE);
    stage.root.append(this.#list);
  }

  apply() {
    this.#trim();
  }

  /** @param {Frame & { isTest?: boolean }} frame */
  take(frame) {
    const { type, data } = frame;
    if (type !== "gift") return;
    if (data.diamonds_total < this.#stage.options.threshold && !frame.isTest) return;
    const key = data.streak === null ? `gift ${frame.id}` : streakOf(data);
    this.#coming.delete(key);
    this.#coming.set(key, frame);
    if (this.#coming.size > this.#stage.options.count) {
      const [oldest] = this.#coming.keys();
      this.#coming.delete(oldest);
    }
  }

  paint() {
    if (!this.#coming.size || !this.#pace.isDue()) return;
    const isFew = this.#coming.size <= 2;
    for (const [key, { data }] of this.#coming) {
      const known = this.#chips.get(key);
      const chip = known ?? this.#make(data);
      this.#chips.set(key, chip);
      const count = data.count > 1 ? `×${this.#stage.number(data.count)}` : "";
      if (chip.count.textContent !== count) {
        chip.count.textContent = count;
        if (known && !this.#stage.isReduced) {
          const steps = [{ transform: "scale(1.5)" }, { transform: "scale(1)" }];
          animate(chip.count, steps, { duration: 220 });
        }
      }
      if (known) continue;
      this.#list.prepend(chip.node);
      const from = this.#stage.isReduced ? "none" : "translateX(-2.5rem)";
      const steps = [{ opacity: 0, transform: from }, { opacity: 1, transform: "none" }];
      if (isFew) animate(chip.node, steps, { duration: 300 });
    }
    this.#coming.clear();
    this.#trim();
  }

  #trim() {
    for (const [key, { node }] of this.#chips) {
      if (this.#chips.size <= this.#stage.options.count) break;
      node.remove();
      this.#chips.delete(key);
    }
  }

  /** @param {Record<string, any>} data */
  #make({ user, gift }) {
    const count = make("span", "count");
    const name = make("span", "name", this.#stage.nameOf(user));
    const picture = this.#stage.gift(gift);
    return { node: make("li", "chip", picture, name, count), count };
  }
}
