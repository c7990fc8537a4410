/**
 * What the feed can show, in groups. Each group has a length of its own, so that a flood of one does
 * not wash the others away: who asks for gifts sees those of minutes ago.
 */

/** @typedef {import("../relay-client.js").Frame} Frame */
/** @typedef {"comments" | "gifts" | "follows" | "others"} Group */
/** @typedef {"all" | "comments" | "gifts" | "follows"} Filter */
/**
 * @typedef {object} Item
 * @property {number} place In the order in which they came.
 * @property {Frame} frame
 */

export const MAX_ITEMS = 300;
/** What people write themselves, and moderators take away with all that they wrote. */
const WRITTEN = new Set(["comment", "emote", "question"]);
/** @type {Readonly<Record<string, Group>>} */
const GROUPS = {
  comment: "comments",
  emote: "comments",
  question: "comments",
  gift: "gifts",
  envelope: "gifts",
  subscribe: "gifts",
  super_fan: "gifts",
  follow: "follows",
};

/** @param {string} type @returns {Group} */
export function groupOf(type) {
  return Object.hasOwn(GROUPS, type) ? GROUPS[type] : "others";
}

/** Whether a filter lets a frame of that type through. @param {Filter} filter @param {string} type */
export function isShown(filter, type) {
  return filter === "all" || groupOf(type) === filter;
}

export class Kept {
  #count = 0;
  /** @type {Record<Group, Item[]>} */
  #groups = { comments: [], gifts: [], follows: [], others: [] };

  /** @param {Frame} frame @returns {Item} */
  add(frame) {
    const group = this.#groups[groupOf(frame.type)];
    const item = { place: this.#count++, frame };
    group.push(item);
    if (group.length > MAX_ITEMS) group.shift();
    return item;
  }

  /** The newest, the oldest of them first. @param {Filter} filter @returns {Item[]} */
  newest(filter) {
    if (filter !== "all") return [...this.#groups[filter]];
    const all = Object.values(this.#groups).flat();
    return all.sort((a, b) => a.place - b.place).slice(-MAX_ITEMS);
  }

  /** Whether the frame with this id is there. @param {string | number | undefined} id */
  has(id) {
    return Object.values(this.#groups).some((items) => items.some(({ frame }) => frame.id === id));
  }

  /** @param {(frame: Frame) => boolean} isGone */
  remove(isGone) {
    for (const [name, items] of Object.entries(this.#groups)) {
      this.#groups[/** @type {Group} */ (name)] = items.filter(({ frame }) => !isGone(frame));
    }
  }

  reset() {
    this.remove(() => true);
  }
}

/**
 * Which frames a `delete` frame takes away.
 *
 * @param {Record<string, any>} data Of the `delete` frame.
 * @returns {(frame: Frame) => boolean}
 */
export function deletedBy({ message_ids: ids, user_ids: users }) {
  return ({ type, id, data }) =>
    ids.includes(String(id)) || (WRITTEN.has(type) && users.includes(data.user?.id));
}
