/** Viewers, likes, and the diamonds that came in since the page was opened. */

import { byId } from "../../shared/dom.js";
import { number, shortNumber } from "../../shared/format.js";

/** @typedef {import("../relay-client.js").Frame} Frame */

export class Counters {
  /** @type {{ viewers: number | null, likes: number | null, diamonds: number }} */
  #values = { viewers: null, likes: null, diamonds: 0 };

  /** @param {Frame} frame */
  take({ type, data }) {
    const values = this.#values;
    if (type === "connected") {
      const { snapshot, counts } = data;
      values.viewers = snapshot.viewers ?? values.viewers ?? counts?.viewers ?? null;
      values.likes = snapshot.likes ?? values.likes ?? counts?.likes ?? null;
    } else if (type === "viewers") {
      values.viewers = data.count;
    } else if (type === "like") {
      values.likes = Math.max(values.likes ?? 0, data.total);
    } else if (type === "gift" && data.streak !== "ongoing") {
      values.diamonds += data.diamonds_total;
    }
  }

  /** Another LIVE: its counts are its own. */
  forget() {
    this.#values.viewers = this.#values.likes = null;
  }

  /** Nothing of what was counted counts any more. */
  reset() {
    this.forget();
    this.#values.diamonds = 0;
  }

  paint() {
    for (const [name, value] of Object.entries(this.#values)) {
      const shown = byId(`count-${name}`);
      const text = value === null ? "–" : shortNumber(value);
      if (shown.textContent === text) continue;
      shown.textContent = text;
      shown.title = value === null ? "" : number(value);
    }
  }
}
