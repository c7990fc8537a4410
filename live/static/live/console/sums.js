/** Viewers, likes and diamonds of the LIVE, as the relay counts them. */

/** @typedef {import("../relay-client.js").Frame} Frame */

export class Sums {
  /** @type {number | null} */
  viewers = null;
  /** @type {number | null} */
  likes = null;
  /** Null while the relay has not told what it had counted before. @type {number | null} */
  diamonds = null;
  /** Since when the relay hears the LIVE, where it came late, ms. @type {number | null} */
  heardSince = null;

  /** @param {Frame} frame */
  take({ type, data }) {
    if (type === "connected") {
      this.#begin(data);
    } else if (type === "viewers") {
      this.viewers = data.count;
    } else if (type === "like") {
      this.likes = Math.max(this.likes ?? 0, data.total);
    } else if (type === "gift" && data.streak !== "ongoing" && this.diamonds !== null) {
      this.diamonds += data.diamonds_total;
    }
  }

  /** Another LIVE: its sums are its own. */
  reset() {
    this.viewers = this.likes = this.diamonds = this.heardSince = null;
  }

  /** @param {Record<string, any>} connected */
  #begin({ snapshot, counts, heard_since: since }) {
    this.viewers = snapshot.viewers ?? this.viewers ?? counts?.viewers ?? null;
    this.likes = snapshot.likes ?? this.likes ?? counts?.likes ?? null;
    // Null where a replay follows: it is added as it comes.
    this.diamonds = snapshot.diamonds ?? this.diamonds;
    this.heardSince = since ?? null;
  }
}
