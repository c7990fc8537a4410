/**
 * What a LIVE has come to: likes, diamonds, follows and the rest, right from the moment on at which
 * the overlay is opened.
 *
 * Three sources are put together: the `connected` frame with its snapshot, the events that follow,
 * and the sums of the LIVE so far, which the server keeps (`use`). The server counts a few seconds
 * behind, and says up to which place of the stream; events behind that place are added here. Until
 * it has counted up to the opening, the sums are at least what it has.
 */

/** @typedef {import("../relay-client.js").Frame} Frame */

/**
 * What the server has counted of a LIVE.
 *
 * @typedef {object} Base
 * @property {string} epoch Of the place up to which it has counted.
 * @property {number} offset
 * @property {number} diamonds
 * @property {number} follows
 * @property {number} shares
 * @property {number} comments
 * @property {number} likes
 * @property {{ user: Record<string, any>, diamonds: number }[]} top
 */

/** @typedef {{ user: Record<string, any>, diamonds: number }} Gifter */

const COUNTED = /** @type {const} */ (["diamonds", "follows", "shares", "comments"]);
/** Events that may turn out to be counted by the server already are remembered, up to so many. */
const MOST_PENDING = 5000;
/** Of more gifters, those who gave least are forgotten. */
const MOST_GIFTERS = 500;
/** Of more streaks that go on, the oldest counts as ended: its end was lost. */
const MOST_OPEN = 500;

/** @typedef {(typeof COUNTED)[number]} Counted */

export class Sums {
  viewers = 0;
  likes = 0;
  /** The followers that TikTok counted; null if it did not tell. @type {number | null} */
  followers = null;
  /** Whether the sums are those of the whole LIVE; else they begin when the overlay was opened. */
  isWhole = false;
  room = "";
  /** The place of the newest frame. */
  epoch = "";
  offset = 0;
  /** @type {Record<Counted, number>} */
  #counted = zero();
  /** The streaks that go on. @type {Map<string, Record<string, any>>} */
  #open = new Map();
  /** @type {Map<string, Gifter>} */
  #gifters = new Map();
  /** Events since this page was opened, for which `use` asks. @type {Event[] | null} */
  #pending;
  #isTold;

  /** @param {boolean} [isTold] Whether anybody asks the server what it has counted, for `use`. */
  constructor(isTold = true) {
    this.#isTold = isTold;
    this.#pending = this.#none();
  }

  get diamonds() {
    let sum = this.#counted.diamonds;
    for (const gift of this.#open.values()) sum += gift.diamonds_total;
    return sum;
  }

  get follows() {
    return this.#counted.follows;
  }

  get shares() {
    return this.#counted.shares;
  }

  get comments() {
    return this.#counted.comments;
  }

  /** @param {number} count Those who gave most, first. @returns {Gifter[]} */
  top(count) {
    return sorted(this.#gifters).slice(0, count);
  }

  /** @param {Frame} frame */
  take(frame) {
    const { type, data } = frame;
    if (type === "connected") this.#connect(data);
    this.#move(frame.cursor);
    if (type === "gap") {
      this.#move(data.cursor);
      this.lose();
    }
    if (type === "viewers") this.viewers = data.count;
    else if (type === "like") this.likes = Math.max(this.likes, data.total);
    else if (type === "gift") this.#give(data);
    else if (type === "comment") this.#count("comments", 1);
    else if (type === "share") this.#count("shares", 1);
    else if (type === "follow") {
      this.#count("follows", 1);
      if (this.followers !== null) this.followers += 1;
    }
  }

  /**
   * Begin with what the server has counted. Where that ends before the place at which this page was
   * opened, what came in between is missing: the sums are then those that are certain.
   *
   * @param {Base} base
   * @returns {boolean} Whether the sums are those of the whole LIVE now; else it is to be asked again.
   */
  use(base) {
    const pending = this.#pending;
    if (!pending) return true;
    if (base.epoch !== this.epoch || base.offset < this.#openedAt) {
      // Of another log, it is not known which of the events are in it.
      this.#raise(base, base.epoch === this.epoch ? pending : []);
      return false;
    }
    this.#counted = zero();
    for (const name of COUNTED) this.#counted[name] = base[name];
    this.#gifters = new Map(base.top.map((gifter) => [gifter.user.id, { ...gifter }]));
    this.likes = Math.max(this.likes, base.likes);
    for (const { offset, name, n, user } of pending) {
      if (offset > base.offset) this.#add(name, n, user);
    }
    this.#pending = null;
    this.isWhole = true;
    return true;
  }

  /** Where the stream was when this page began to count. */
  #openedAt = 0;

  /**
   * Raise what is lower than what the LIVE has come to for certain. Nothing sinks, so nothing that
   * is shown has to be taken back.
   *
   * @param {Base} base
   * @param {Event[]} more Events that are not in it.
   */
  #raise(base, more) {
    const counted = zero();
    for (const { name, n } of more) counted[name] += n;
    for (const name of COUNTED) {
      this.#counted[name] = Math.max(this.#counted[name], base[name] + counted[name]);
    }
    this.likes = Math.max(this.likes, base.likes);
    for (const { user, diamonds } of base.top) {
      let sum = diamonds;
      for (const one of more) if (one.user?.id === user.id) sum += one.n;
      const known = this.#gifters.get(user.id)?.diamonds ?? 0;
      if (sum > known) this.#gifters.set(user.id, { user, diamonds: sum });
    }
  }

  /** Something was missed: the sums are to be begun anew with what the server has counted. */
  lose() {
    this.#pending = this.#none();
    this.#openedAt = this.offset;
    this.isWhole = false;
  }

  /** @returns {Event[] | null} */
  #none() {
    return this.#isTold ? [] : null;
  }

  /** @param {Record<string, any>} data */
  #connect({ room_id: room, resumed, snapshot, counts, cursor }) {
    const isNew = room !== this.room;
    if (isNew) {
      this.room = room;
      this.#counted = zero();
      this.#gifters.clear();
      this.#pending = this.#none();
      this.isWhole = false;
      this.likes = this.viewers = 0;
      this.followers = counts?.followers ?? null;
    }
    this.#move(cursor);
    if (isNew) this.#openedAt = this.offset;
    else if (!resumed) this.lose();
    this.viewers = snapshot.viewers ?? counts?.viewers ?? this.viewers;
    this.likes = Math.max(this.likes, snapshot.likes ?? counts?.likes ?? 0);
    if (resumed) return;
    this.#open.clear();
    for (const frame of snapshot.gifts) this.#give(frame.data);
    if (!isNew) return;
    for (const { user, diamonds } of snapshot.top) {
      this.#gifters.set(user.id, { user, diamonds });
    }
  }

  /** @param {string | undefined} cursor As live/protocol/cursor.py writes it. */
  #move(cursor) {
    if (!cursor) return;
    const [epoch, offset] = cursor.split("-");
    this.epoch = epoch;
    this.offset = Number(offset);
  }

  /** @param {Record<string, any>} gift */
  #give(gift) {
    const key = streakOf(gift);
    if (gift.streak === "ongoing") {
      this.#open.set(key, gift);
      const [oldest] = this.#open.values();
      if (this.#open.size > MOST_OPEN) this.#give({ ...oldest, streak: "ended" });
      return;
    }
    this.#open.delete(key);
    this.#count("diamonds", gift.diamonds_total, gift.user);
  }

  /**
   * @param {Counted} name
   * @param {number} n
   * @param {Record<string, any>} [user]
   */
  #count(name, n, user) {
    this.#add(name, n, user);
    const pending = this.#pending;
    if (!pending) return;
    pending.push({ offset: this.offset, name, n, user });
    // What the server tells then has to have the events up to here.
    if (pending.length > MOST_PENDING) this.lose();
  }

  /**
   * @param {Counted} name
   * @param {number} n
   * @param {Record<string, any>} [user] Who gave the diamonds.
   */
  #add(name, n, user) {
    this.#counted[name] += n;
    if (name !== "diamonds" || !user) return;
    const before = this.#gifters.get(user.id)?.diamonds ?? 0;
    this.#gifters.set(user.id, { user, diamonds: before + n });
    if (this.#gifters.size > MOST_GIFTERS) {
      const kept = sorted(this.#gifters).slice(0, MOST_GIFTERS / 2);
      this.#gifters = new Map(kept.map((gifter) => [gifter.user.id, gifter]));
    }
  }
}

/** @typedef {{ offset: number, name: Counted, n: number, user?: Record<string, any> }} Event */

/** A streak's name. @param {Record<string, any>} gift The data of a gift frame. */
export function streakOf({ user, gift, group_id: group }) {
  return `${user.id} ${gift.id} ${group}`;
}

/** @returns {Record<Counted, number>} */
function zero() {
  return { diamonds: 0, follows: 0, shares: 0, comments: 0 };
}

/** @param {Map<string, Gifter>} gifters */
function sorted(gifters) {
  return [...gifters.values()].sort((a, b) => b.diamonds - a.diamonds);
}
