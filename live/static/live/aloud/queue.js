/**
 * What waits to be read aloud: bounded, and never without a gift that was given.
 *
 * Nothing here knows a browser: tests run it in Node.
 */

/**
 * A piece of what is said, in one language.
 *
 * @typedef {object} Part
 * @property {string} text
 * @property {string} [lang] As TikTok and HTML write it; the page's, if it is absent.
 */
/** @typedef {"gift" | "subscribe" | "follow" | "share" | "comment"} Kind */
/** @typedef {{ gifts: number, diamonds: number }} Given */
/**
 * Something that is to be heard: a sound, words, or both.
 *
 * @typedef {object} Announcement
 * @property {Kind} kind
 * @property {string} event What has the sound.
 * @property {Part[]} parts
 * @property {Given} [given] Of a gift.
 * @property {string} [id] Of a comment, which can be deleted.
 * @property {string} [userId]
 */

/** How many can wait. A few minutes of speech: what is later than that means nothing any more. */
const PLACES = 20;
/** What makes room first. Gifts are not among them. @type {Kind[]} */
const DROPPED = ["comment", "share", "follow", "subscribe"];

export class Queue {
  #places;
  #sumUp;
  /** Oldest first. @type {Announcement[]} */
  #waiting = [];
  /** Of the announcement at the end that stands for many gifts; null if there is none. @type {Announcement | null} */
  #sum = null;

  /**
   * @param {(given: Given) => Part[]} sumUp What is said of gifts that have no place of their own.
   * @param {number} [places]
   */
  constructor(sumUp, places = PLACES) {
    this.#sumUp = sumUp;
    this.#places = places;
  }

  get length() {
    return this.#waiting.length;
  }

  /**
   * Let it wait. If there is no room, the oldest comment goes, then what else is no gift. Where
   * gifts alone wait, the newest are told as one.
   *
   * @param {Announcement} announcement
   */
  add(announcement) {
    this.#waiting.push(announcement);
    if (this.#waiting.length <= this.#places) return;
    for (const kind of DROPPED) {
      const oldest = this.#waiting.findIndex((each) => each.kind === kind);
      if (oldest >= 0) {
        this.#waiting.splice(oldest, 1);
        return;
      }
    }
    this.#join();
  }

  /** The next to be heard; undefined if nothing waits. @returns {Announcement | undefined} */
  next() {
    const next = this.#waiting.shift();
    if (next === this.#sum) this.#sum = null;
    return next;
  }

  /** What moderators have deleted is not read any more. @param {string[]} ids @param {string[]} userIds */
  delete(ids, userIds) {
    this.#waiting = this.#waiting.filter((each) => !isDeleted(each, ids, userIds));
  }

  clear() {
    this.#waiting = [];
    this.#sum = null;
  }

  /** The last two become one, with what both have given. */
  #join() {
    const last = this.#waiting.splice(-2);
    const given = { gifts: 0, diamonds: 0 };
    for (const { given: its } of last) {
      given.gifts += its?.gifts ?? 0;
      given.diamonds += its?.diamonds ?? 0;
    }
    this.#sum = { kind: "gift", event: "gift", given, parts: this.#sumUp(given) };
    this.#waiting.push(this.#sum);
  }
}

/**
 * Whether moderators have deleted what this is about.
 *
 * @param {Announcement} announcement
 * @param {string[]} ids Of messages.
 * @param {string[]} userIds Whose comments are all deleted.
 */
export function isDeleted({ kind, id = "", userId = "" }, ids, userIds) {
  return kind === "comment" && (ids.includes(id) || userIds.includes(userId));
}
