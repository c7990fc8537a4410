/** Alerts: a gift, a follow, a subscription or a share; one after the other. */

import { make } from "../../../shared/dom.js";
import { AlertQueue } from "../queue.js";
import { animate, Pace } from "../stage.js";

/** @typedef {import("../queue.js").Alert} Alert */
/** @typedef {import("../stage.js").Stage} Stage */
/** @typedef {import("../../relay-client.js").Frame} Frame */

const CONFETTI = 20;
/** How often a streak's count changes, in ms: faster, nobody reads it. */
const PACE = 120;
const ICONS = { follow: "follow", subscribe: "star", share: "share" };

export class Alerts {
  #stage;
  /** @type {AlertQueue} */
  #queue;
  /** The one that is shown. @type {Card | null} */
  #card = null;
  /** @type {any} */
  #timer = null;

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    this.#queue = new AlertQueue(/** @type {any} */ ({}), () => stage.now());
  }

  /** @param {Record<string, any>} options */
  apply(options) {
    this.#queue.options = /** @type {any} */ (options);
  }

  /** @param {Frame} frame */
  take(frame) {
    if (frame.type !== "connected") this.#queue.add(frame);
  }

  isTesting() {
    return this.#queue.isTesting;
  }

  paint() {
    const queue = this.#queue;
    if (queue.next()) {
      this.#card?.leave();
      this.#card = queue.current && new Card(this.#stage, queue.current, queue.isBig(queue.current));
      if (this.#card) this.#stage.root.append(this.#card.node);
    }
    if (!queue.current) return;
    this.#card?.paint();
    clearTimeout(this.#timer);
    const left = Math.max(0, queue.endsAt - this.#stage.now());
    this.#timer = setTimeout(() => this.#stage.changed(), left + 1);
  }
}

class Card {
  node = make("div", "alert");
  #stage;
  #alert;
  #count = make("span", "count");
  #diamonds = make("span", "total");
  #painted = 0;
  #pace;
  /** Of the count. @type {Animation | null} */
  #bump = null;

  /**
   * @param {Stage} stage
   * @param {Alert} alert
   * @param {boolean} isBig
   */
  constructor(stage, alert, isBig) {
    this.#stage = stage;
    this.#alert = alert;
    this.#pace = new Pace(stage, PACE);
    const { type, data } = alert;
    const { node } = this;
    node.dataset.type = type;
    node.classList.toggle("big", isBig);
    const body = make("div", "body");
    const art = make("div", "art");
    if (type === "gift") {
      art.append(stage.gift(data.gift), stage.avatar(data.user));
    } else {
      art.append(stage.avatar(data.user), make("span", "sign", stage.icon(iconOf(type))));
    }
    body.append(art, this.#words());
    node.append(body);
    if (!stage.isReduced && (isBig || stage.options.style === "party")) {
      node.prepend(confetti(isBig ? CONFETTI : CONFETTI / 2));
    }
  }

  #words() {
    const { type, data } = this.#alert;
    const stage = this.#stage;
    const words = make("div", "words", make("strong", "name", stage.nameOf(data.user)));
    const did = make("span", "did");
    if (type === "gift") {
      did.append(stage.text("gift", { gift: data.gift.name || stage.text("a gift") }));
      const row = make("span", "sum", this.#count, this.#diamonds);
      words.append(did, row);
    } else {
      const months = type === "subscribe" && data.months > 1;
      did.append(stage.text(months ? "months" : type, { months: String(data.months) }));
      words.append(did);
    }
    return words;
  }

  paint() {
    const { type, data } = this.#alert;
    if (type !== "gift" || data.count === this.#painted || !this.#pace.isDue()) return;
    const isFirst = this.#painted === 0;
    this.#painted = data.count;
    this.#count.textContent = data.count > 1 ? `×${this.#stage.number(data.count)}` : "";
    this.#diamonds.replaceChildren(this.#stage.diamonds(data.diamonds_total));
    if (isFirst || this.#stage.isReduced) return;
    this.#bump?.cancel();
    this.#bump = animate(
      this.#count,
      [{ transform: "scale(1.9)" }, { transform: "scale(0.92)" }, { transform: "scale(1)" }],
      { duration: 320 },
    );
  }

  /** It goes, and takes its element along. */
  leave() {
    const { node } = this;
    const to = this.#stage.isReduced ? "none" : "translateY(-1.5rem) scale(0.92)";
    node.classList.add("leaving");
    const steps = [{ opacity: 1 }, { opacity: 0, transform: to }];
    animate(node, steps, { duration: 350, fill: "forwards" });
    setTimeout(() => node.remove(), 360); // also where animations do not run
  }
}

/** @param {string} type */
function iconOf(type) {
  return ICONS[/** @type {keyof typeof ICONS} */ (type)] ?? "star";
}

/** Pieces that fly apart, once. @param {number} count */
function confetti(count) {
  const made = make("div", "confetti");
  for (let n = 0; n < count; n += 1) {
    const piece = make("i", `piece-${n % 4}`);
    const angle = (n / count) * 2 * Math.PI + Math.random() * 0.4;
    const far = 9 + Math.random() * 10;
    const x = `${(Math.cos(angle) * far * 1.4).toFixed(1)}rem`;
    const y = `${(Math.sin(angle) * far * 0.8).toFixed(1)}rem`;
    const turn = `${Math.round(Math.random() * 720 - 360)}deg`;
    animate(
      piece,
      [
        { opacity: 1, transform: "translate(0, 0) scale(0.4)" },
        { opacity: 1, transform: `translate(${x}, ${y}) rotate(${turn}) scale(1)`, offset: 0.55 },
        { opacity: 0, transform: `translate(${x}, calc(${y} + 5rem)) rotate(${turn}) scale(0.8)` },
      ],
      { duration: 1800 + Math.random() * 900, fill: "forwards", easing: "cubic-bezier(.15,.8,.3,1)" },
    );
    made.append(piece);
  }
  return made;
}
