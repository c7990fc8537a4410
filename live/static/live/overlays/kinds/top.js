/** Top gifters: who has given most in this LIVE. */

import { make } from "../../../shared/dom.js";
import { animate, Pace } from "../stage.js";

/** @typedef {import("../stage.js").Stage} Stage */
/** @typedef {import("../sums.js").Sums} Sums */

/** How often the list changes, in ms. */
const PACE = 500;

export class Top {
  #stage;
  #sums;
  #title = make("div", "title");
  #list = make("ol", "places");
  /** By user. @type {Map<string, { node: HTMLElement, coins: HTMLElement, painted: number }>} */
  #rows = new Map();
  #pace;

  /** @param {Stage} stage @param {Sums} sums */
  constructor(stage, sums) {
    this.#stage = stage;
    this.#pace = new Pace(stage, PACE);
    this.#sums = sums;
    stage.root.append(make("div", "top", this.#title, this.#list));
  }

  /** @param {Record<string, any>} options */
  apply(options) {
    this.#title.textContent = options.title || this.#stage.text("top");
    this.#rows.clear();
    this.#list.replaceChildren();
    this.#pace.hurry();
  }

  take() {}

  paint() {
    if (!this.#pace.isDue()) return;
    const { count, style } = this.#stage.options;
    const top = this.#sums.top(style === "podium" ? 3 : count);
    const before = new Map([...this.#rows].map(([id, { node }]) => [id, node.getBoundingClientRect()]));
    const kept = new Set(top.map(({ user }) => user.id));
    for (const [id, { node }] of this.#rows) {
      if (!kept.has(id)) {
        node.remove();
        this.#rows.delete(id);
      }
    }
    let hasMoved = false;
    top.forEach(({ user, diamonds }, index) => {
      const row = this.#rows.get(user.id) ?? this.#make(user);
      this.#rows.set(user.id, row);
      if (row.painted !== diamonds) {
        row.painted = diamonds;
        row.coins.replaceChildren(this.#stage.diamonds(diamonds));
      }
      row.node.dataset.place = String(index + 1);
      if (this.#list.children[index] !== row.node) {
        this.#list.insertBefore(row.node, this.#list.children[index] ?? null);
        hasMoved = true;
      }
    });
    this.#list.parentElement?.classList.toggle("empty", !top.length);
    if (hasMoved && !this.#stage.isReduced) this.#move(before);
  }

  /** @param {Record<string, any>} user */
  #make(user) {
    const coins = make("span", "coins");
    const name = make("span", "name", this.#stage.nameOf(user));
    const node = make("li", "place", this.#stage.avatar(user), name, coins);
    return { node, coins, painted: -1 };
  }

  /** Each slides from where it was. @param {Map<string, DOMRect>} before */
  #move(before) {
    for (const [id, { node }] of this.#rows) {
      const from = before.get(id);
      if (!from) {
        animate(node, [{ opacity: 0 }, { opacity: 1 }], { duration: 300 });
        continue;
      }
      const to = node.getBoundingClientRect();
      const [x, y] = [from.x - to.x, from.y - to.y];
      if (x || y) {
        const steps = [{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }];
        animate(node, steps, { duration: 400 });
      }
    }
  }
}
