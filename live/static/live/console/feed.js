/** The feed: what happens, newest at the bottom, bounded however much comes. */

import { byId } from "../../shared/dom.js";
import { number } from "../../shared/format.js";
import { entryOf, joined } from "./lines.js";

/** @typedef {import("../relay-client.js").Frame} Frame */
/**
 * @typedef {object} Entry
 * @property {string} type
 * @property {string} [id]
 * @property {Record<string, any>} [user]
 * @property {HTMLElement} node
 * @property {number} others Who joined after the first, of "and 3 others joined".
 */

const MAX_ENTRIES = 300;
/** What people write themselves, and moderators take away with all that they wrote. */
const WRITTEN = new Set(["comment", "emote", "question"]);
/** So near to its end, in pixels, a feed is being followed. */
const NEAR = 48;

export class Feed {
  #log = byId("feed");
  #newer = byId("newer");
  /** Frames that are to be shown. @type {Frame[]} */
  #queue = [];
  /** @type {Entry[]} */
  #entries = [];
  #isFollowed = true;
  #unseen = 0;

  constructor() {
    this.#log.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    this.#newer.addEventListener("click", () => {
      this.#follow();
      this.#log.focus({ preventScroll: true });
    });
    new ResizeObserver(() => this.#isFollowed && this.#follow()).observe(this.#log);
  }

  /** @param {Frame} frame */
  take(frame) {
    if (frame.type === "delete") {
      this.#delete(frame.data.message_ids, frame.data.user_ids);
    } else if (frame.type === "connected") {
      const known = new Set(this.#entries.map(({ id }) => id));
      const comments = /** @type {Frame[]} */ (frame.data.snapshot.comments);
      this.#queue.push(...comments.filter(({ id }) => !known.has(String(id))));
    } else {
      this.#queue.push(frame);
    }
    // In a hidden page nothing is painted, and the queue would grow without end.
    if (this.#queue.length > 2 * MAX_ENTRIES) this.#queue.splice(0, MAX_ENTRIES);
  }

  reset() {
    this.#queue = [];
    this.#entries = [];
    this.#log.replaceChildren();
    this.#follow();
  }

  /** Show what is queued: once per animation frame, however many frames have come. */
  paint() {
    if (!this.#queue.length) return;
    const added = this.#queue.slice(-MAX_ENTRIES).filter((frame) => this.#add(frame)).length;
    this.#queue = [];
    for (const { node } of this.#entries.splice(0, this.#entries.length - MAX_ENTRIES)) {
      node.remove();
    }
    this.#log.append(...this.#entries.flatMap(({ node }) => (node.isConnected ? [] : [node])));
    if (this.#isFollowed) {
      this.#follow();
    } else {
      this.#unseen += added;
      this.#tellOfUnseen();
    }
  }

  /** @param {Frame} frame @returns {boolean} Whether there is anything of it to be seen. */
  #add({ type, id, data, ...rest }) {
    const last = this.#entries.at(-1);
    if (type === "join" && last?.type === "join") {
      this.#joinToo(last, data.merged ?? 1);
      return false;
    }
    const node = entryOf({ type, id, data, ...rest });
    if (!node) return false;
    const others = (data.merged ?? 1) - 1;
    this.#entries.push({ type, id: String(id), user: data.user, node, others });
    return true;
  }

  /** People come in all the time: those in a row share a line. @param {Entry} entry @param {number} count */
  #joinToo(entry, count) {
    entry.others += count;
    const node = joined(entry.user ?? {}, entry.others);
    entry.node.replaceChildren(...node.childNodes);
  }

  /** @param {string[]} ids @param {string[]} userIds */
  #delete(ids, userIds) {
    const isGone = (/** @type {Pick<Entry, "type" | "id" | "user">} */ { type, id, user }) =>
      ids.includes(id ?? "") || (WRITTEN.has(type) && userIds.includes(user?.id));
    this.#queue = this.#queue.filter(
      ({ type, id, data }) => !isGone({ type, id: String(id), user: data.user }),
    );
    for (const { node } of this.#entries.filter(isGone)) node.remove();
    this.#entries = this.#entries.filter((entry) => !isGone(entry));
  }

  #onScroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    this.#isFollowed = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.#isFollowed) this.#unseen = 0;
    this.#tellOfUnseen();
  }

  #follow() {
    this.#isFollowed = true;
    this.#unseen = 0;
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#tellOfUnseen();
  }

  #tellOfUnseen() {
    const count = this.#unseen;
    this.#newer.hidden = !count;
    if (!count) return;
    const text = ngettext("%(count)s new event", "%(count)s new events", count);
    byId("newer-text").textContent = interpolate(text, { count: number(count) }, true);
  }
}
