/** The feed: what happens, newest at the bottom, bounded however much comes. */

import { byId, setText } from "../../shared/dom.js";
import { localMoment, number } from "../../shared/format.js";
import { deletedBy, isShown, Kept, MAX_ITEMS } from "./kept.js";
import { entryOf, isTold } from "./lines.js";

/** @typedef {import("../relay-client.js").Frame} Frame */
/** @typedef {import("./kept.js").Filter} Filter */
/** @typedef {{ frame: Frame, node: HTMLElement }} Entry */

/** So near to its end, in pixels, a feed is being followed. */
const NEAR = 48;
/** Said where nothing is shown; of gifts and follows before the page was opened, it has none. */
const NOTHING_OF = {
  all: gettext("Comments and events appear here as they happen."),
  comments: gettext("No comments yet."),
  gifts: gettext("Gifts appear here from now on."),
  follows: gettext("New followers appear here from now on."),
};

export class Feed {
  #log = byId("feed");
  #newer = byId("newer");
  #nothing = byId("nothing");
  #kept = new Kept();
  /** Frames that are to be shown. @type {Frame[]} */
  #queue = [];
  /** @type {Entry[]} */
  #entries = [];
  /** Cards that are made once, of frames that have one. @type {WeakMap<Frame, HTMLElement>} */
  #cards = new WeakMap();
  /** @type {Filter} */
  #filter = "all";
  #isFollowed = true;
  /** Where it was scrolled to. What grows leaves that as it is; only people scroll back. */
  #top = 0;
  #unseen = 0;
  #lastRank = "";

  constructor() {
    this.#log.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    this.#log.addEventListener("click", ({ target }) => tellTime(target));
    this.#newer.addEventListener("click", () => {
      this.#follow();
      this.#log.focus({ preventScroll: true });
    });
    new ResizeObserver(() => this.#isFollowed && this.#follow()).observe(this.#log);
    new ResizeObserver(([{ contentRect }]) => this.#onCovered(contentRect.height)).observe(byId("over"));
  }

  /** @param {Frame} frame */
  take(frame) {
    if (frame.type === "delete") {
      this.#delete(deletedBy(frame.data));
    } else if (frame.type === "connected") {
      const comments = /** @type {Frame[]} */ (frame.data.snapshot.comments);
      this.#queue.push(...comments.filter(({ id }) => !this.#kept.has(id)));
    } else {
      this.#queue.push(frame);
    }
    // In a hidden page nothing is painted, and the queue would grow without end.
    if (this.#queue.length > 4 * MAX_ITEMS) this.#queue.splice(0, 2 * MAX_ITEMS);
  }

  /** A card of another part of the page, among the lines. @param {Frame} frame @param {HTMLElement} card */
  takeCard(frame, card) {
    this.#cards.set(frame, card);
    this.#queue.push(frame);
  }

  reset() {
    this.#queue = [];
    this.#entries = [];
    this.#kept.reset();
    this.#lastRank = "";
    this.#log.replaceChildren();
    this.#follow();
  }

  /** Show these only, of what is there and of what comes. @param {Filter} filter */
  filter(filter) {
    this.#filter = filter;
    setText(this.#nothing, NOTHING_OF[filter]);
    // Nobody wants all of it read aloud again.
    this.#log.setAttribute("aria-live", "off");
    this.#entries = this.#kept.newest(filter).flatMap(({ frame }) => this.#entryOf(frame) ?? []);
    this.#log.replaceChildren(...this.#entries.map(({ node }) => node));
    requestAnimationFrame(() => this.#log.removeAttribute("aria-live"));
    this.#follow();
  }

  /** Show what is queued: once per animation frame, however many frames have come. */
  paint() {
    if (!this.#queue.length) return;
    const added = this.#queue.flatMap((frame) => this.#add(frame) ?? []).slice(-MAX_ITEMS);
    this.#queue = [];
    this.#entries.push(...added);
    for (const { node } of this.#entries.splice(0, this.#entries.length - MAX_ITEMS)) node.remove();
    this.#log.append(...added.map(({ node }) => node));
    if (this.#isFollowed) {
      this.#follow();
    } else {
      this.#unseen += added.length;
      this.#tellOfUnseen();
    }
  }

  /** @param {Frame} frame @returns {Entry | null} Null: nothing of it is to be seen, or not now. */
  #add(frame) {
    if (!this.#cards.has(frame) && !isTold(frame)) return null;
    if (this.#isSameRank(frame)) return null;
    this.#kept.add(frame);
    return isShown(this.#filter, frame.type) ? this.#entryOf(frame) : null;
  }

  /** @param {Frame} frame @returns {Entry | null} */
  #entryOf(frame) {
    const node = this.#cards.get(frame) ?? entryOf(frame);
    if (!node) return null;
    const time = localMoment(new Date(frame.ts), "exact-time");
    node.dataset.at = time;
    node.title = time;
    return { frame, node };
  }

  /** TikTok tells the same place again and again. @param {Frame} frame */
  #isSameRank({ type, data }) {
    if (type !== "rank") return false;
    const rank = JSON.stringify(data.rankings);
    const isSame = rank === this.#lastRank;
    this.#lastRank = rank;
    return isSame;
  }

  /** @param {(frame: Frame) => boolean} isGone */
  #delete(isGone) {
    this.#queue = this.#queue.filter((frame) => !isGone(frame));
    this.#kept.remove(isGone);
    this.#entries = this.#entries.filter(({ frame, node }) => {
      if (isGone(frame)) node.remove();
      return !isGone(frame);
    });
  }

  #onScroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    if (scrollHeight - scrollTop - clientHeight < NEAR) this.#isFollowed = true;
    else if (scrollTop < this.#top) this.#isFollowed = false;
    this.#top = scrollTop;
    if (this.#isFollowed) this.#unseen = 0;
    this.#tellOfUnseen();
  }

  /** The first line can be scrolled out from under what lies over the feed. @param {number} height */
  #onCovered(height) {
    this.#log.style.setProperty("--covered", `${height}px`);
    if (this.#isFollowed) this.#follow();
  }

  #follow() {
    this.#isFollowed = true;
    this.#unseen = 0;
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#top = this.#log.scrollTop;
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

/** A tap on a line shows its time, and takes it away. @param {EventTarget | null} target */
function tellTime(target) {
  if (!(target instanceof Element) || target.closest("a")) return;
  // Whoever selects a text wants no other; and a tap on large text leaves that.
  if (getSelection()?.isCollapsed === false || target.closest(".is-stand")) return;
  target.closest(".entry")?.classList.toggle("is-timed");
}
