/** Last event: labels with the last gift, the last follower and so on. */

import { make } from "../../../shared/dom.js";
import { animate, Pace } from "../stage.js";

/** @typedef {import("../stage.js").Stage} Stage */
/** @typedef {import("../../relay-client.js").Frame} Frame */
/** @typedef {{ node: HTMLElement, who: HTMLElement, painted: Frame | null }} Label */

/** How often labels change, in ms. */
const PACE = 300;

export class Last {
  #stage;
  #list = make("ul", "last");
  /** The last event of each type. @type {Map<string, Frame>} */
  #newest = new Map();
  /** @type {Map<string, Label>} */
  #labels = new Map();
  #pace;

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    this.#pace = new Pace(stage, PACE);
    stage.root.append(this.#list);
  }

  /** @param {Record<string, any>} options */
  apply({ shown }) {
    this.#labels.clear();
    this.#list.replaceChildren(
      ...shown.map((/** @type {string} */ type) => {
        const who = make("span", "who", "–");
        const title = make("span", "label", this.#stage.text(`last ${type}`));
        const node = make("li", `of-${type}`, make("span", "face"), make("span", "words", title, who));
        this.#labels.set(type, { node, who, painted: null });
        return node;
      }),
    );
    this.#pace.hurry();
  }

  /** @param {Frame} frame */
  take(frame) {
    if (frame.type === "connected") {
      const newest = frame.data.snapshot.gifts.at(-1);
      if (newest && !this.#newest.has("gift")) this.#newest.set("gift", newest);
    } else if (frame.data.user) {
      this.#newest.set(frame.type, frame);
    }
  }

  paint() {
    if (!this.#pace.isDue()) return;
    for (const [type, label] of this.#labels) {
      const frame = this.#newest.get(type);
      if (frame && frame !== label.painted) this.#fill(label, frame);
    }
  }

  /** @param {Label} label @param {Frame} frame */
  #fill(label, frame) {
    const stage = this.#stage;
    const { user, gift, count } = frame.data;
    label.painted = frame;
    label.who.replaceChildren(make("strong", "name", stage.nameOf(user)));
    if (gift) {
      const times = count > 1 ? ` ×${stage.number(count)}` : "";
      label.who.append(make("span", "what", ` ${gift.name}${times}`));
    }
    const face = label.node.querySelector(".face");
    face?.replaceChildren(gift ? stage.gift(gift) : stage.avatar(user));
    const from = stage.isReduced ? "none" : "translateY(0.4rem)";
    const steps = [{ opacity: 0.2, transform: from }, { opacity: 1, transform: "none" }];
    animate(label.who, steps, { duration: 260 });
  }
}
