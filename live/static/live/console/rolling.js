/** Joins and likes, which come all the time: one line of each, which counts up. */

/** @typedef {import("../relay-client.js").Frame} Frame */
/**
 * @typedef {object} Rolled
 * @property {Record<string, any>} user The latest.
 * @property {number} count Joins, or likes.
 * @property {boolean} isOne Whether all of it was the same person.
 * @property {number} at When the latest came, ms.
 */

/** After so many ms without another, the count begins anew. */
const QUIET = 30_000;

export class Rolling {
  /** @type {Record<"join" | "like", Rolled | null>} */
  lines = { join: null, like: null };

  /** @param {Frame} frame @returns {boolean} Whether a line has changed. */
  take({ type, ts, data }) {
    if (type === "join") {
      this.#add("join", data.user, data.merged ?? 1, ts, (data.merged ?? 1) === 1);
    } else if (type === "like") {
      this.#add("like", data.user, data.count, ts, !data.merged);
    } else {
      return false;
    }
    return true;
  }

  reset() {
    this.lines = { join: null, like: null };
  }

  /**
   * @param {"join" | "like"} type
   * @param {Record<string, any>} user
   * @param {number} count
   * @param {number} at
   * @param {boolean} isOne
   */
  #add(type, user, count, at, isOne) {
    const before = this.lines[type];
    if (!before || at - before.at > QUIET) {
      this.lines[type] = { user, count, isOne, at };
    } else {
      const isSame = before.isOne && isOne && before.user.id === user.id;
      this.lines[type] = { user, count: before.count + count, isOne: isSame, at };
    }
  }
}
