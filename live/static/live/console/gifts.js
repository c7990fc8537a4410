/** Gifts: a list with a card for each, in which a streak counts up, and the newest over the feed. */

import { byId, make } from "../../shared/dom.js";
import { number } from "../../shared/format.js";
import { avatar, icon, nameOf, picture } from "./elements.js";
import { keyOf } from "./gift-key.js";
import { RunningGifts } from "./running.js";

/** @typedef {import("../relay-client.js").Frame} Frame */

const MAX_CARDS = 30;

export class Gifts {
  #list = byId("gifts-list");
  #nothingYet = byId("gifts-empty");
  /** By streak, oldest first. @type {Map<string, Card>} */
  #cards = new Map();
  /** @type {Set<Card>} */
  #changed = new Set();

  /** @param {Frame} frame */
  take(frame) {
    if (frame.type === "gift") {
      this.#update(frame);
    } else if (frame.type === "connected" && !frame.data.resumed) {
      this.#takeOpenStreaks(frame.data.snapshot.gifts);
    }
  }

  reset() {
    this.#cards.clear();
    this.#changed.clear();
    this.#list.replaceChildren();
    this.#nothingYet.hidden = false;
  }

  paint() {
    for (const card of this.#changed) {
      if (!card.node.isConnected) this.#list.prepend(card.node);
      card.paint();
    }
    this.#changed.clear();
    this.#nothingYet.hidden = this.#cards.size > 0;
  }

  /** What streaks have come to; those that the relay knows no more have ended in a gap. @param {Frame[]} open */
  #takeOpenStreaks(open) {
    const keys = new Set(open.map(keyOf));
    for (const [key, card] of this.#cards) {
      if (card.data.streak === "ongoing" && !keys.has(key)) {
        card.data = { ...card.data, streak: "ended" };
        this.#changed.add(card);
      }
    }
    open.forEach((frame) => this.#update(frame));
  }

  /** @param {Frame} frame */
  #update(frame) {
    const key = keyOf(frame);
    const card = this.#cards.get(key) ?? new Card();
    card.data = frame.data;
    this.#cards.set(key, card);
    this.#changed.add(card);
    if (this.#cards.size > MAX_CARDS) {
      const [oldest, dropped] = [...this.#cards][0];
      this.#cards.delete(oldest);
      this.#changed.delete(dropped);
      dropped.node.remove();
    }
  }
}

/** The gifts over the feed, as TikTok shows them. Who listens hears of them in the feed. */
export class Tray {
  #list = byId("tray");
  #running = new RunningGifts();
  /** By gift. @type {Map<string, Card>} */
  #cards = new Map();
  #isChanged = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Frame} frame */
  take(frame) {
    if (frame.type !== "gift") return;
    this.#running.take(frame, performance.now());
    this.#isChanged = true;
  }

  reset() {
    this.#running.reset();
    this.#isChanged = true;
    this.paint();
  }

  paint() {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const now = performance.now();
    const shown = this.#running.shown(now);
    const keys = new Set(shown.map(({ key }) => key));
    for (const [key, card] of this.#cards) {
      if (keys.has(key)) continue;
      card.node.remove();
      this.#cards.delete(key);
    }
    for (const { key, frame } of shown) {
      const card = this.#cards.get(key) ?? new Card();
      this.#cards.set(key, card);
      card.data = frame.data;
      card.paint();
      if (!card.node.isConnected) this.#list.append(card.node);
    }
    this.#paintAgainAt(Math.min(...shown.map(({ until }) => until)) - now);
  }

  /** Once the first of them is over. @param {number} ms Infinity for never. */
  #paintAgainAt(ms) {
    clearTimeout(this.#timer);
    if (!Number.isFinite(ms)) return;
    this.#timer = setTimeout(() => {
      this.#isChanged = true;
      this.paint();
    }, ms + 1);
  }
}

/** One gift, or one streak of them. */
class Card {
  node = make("li", "gift");
  /** Of the newest frame. @type {Record<string, any>} */
  data = {};
  #count = make("span", "times");
  #diamonds = make("span", "diamonds");
  #isBuilt = false;

  paint() {
    const { count, streak, diamonds_total: diamonds } = this.data;
    if (!this.#isBuilt) this.#build();
    const times = `×${number(count)}`;
    if (this.#count.textContent !== times) {
      this.#count.textContent = times;
      this.#count.replaceWith(this.#count); // which starts its animation anew
    }
    this.#diamonds.replaceChildren(icon("diamonds"), number(diamonds));
    this.node.classList.toggle("ongoing", streak === "ongoing");
    this.node.dataset.streak = streak ?? "single";
  }

  #build() {
    const { user, gift, to_user: receiver } = this.data;
    const image = make("span", "gift-picture", icon("gift"));
    if (gift.image) image.append(picture(gift.image));
    const names = make("span", "gift-names", make("strong", "name", nameOf(user)));
    names.append(make("span", "gift-name", gift.name || gettext("a gift")));
    if (receiver) {
      const text = interpolate(gettext("to %(name)s"), { name: nameOf(receiver) }, true);
      names.append(make("span", "gift-name", text));
    }
    const ended = make("span", "ended", icon("check"));
    ended.append(make("span", "spoken", gettext("ended")));
    this.node.append(image, this.#count, ended, names, this.#diamonds);
    image.append(avatar(user));
    this.#isBuilt = true;
  }
}
