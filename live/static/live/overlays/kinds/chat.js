/** Chat: the newest comments, newest at the bottom. */

import { make } from "../../../shared/dom.js";
import { animate, Pace } from "../stage.js";

/** @typedef {import("../stage.js").Stage} Stage */
/** @typedef {import("../../relay-client.js").Frame} Frame */
/** @typedef {{ id: string, user: string, node: HTMLElement, timer: any }} Line */

/** The most characters of a comment. */
const LONGEST = 300;
/** No more comments than that come in at once, or nobody could read any. In ms. */
const PACE = 120;

export class Chat {
  #stage;
  #list = make("ol", "chat");
  /** Those to come, oldest first. @type {Frame[]} */
  #coming = [];
  /** @type {Line[]} */
  #lines = [];
  #pace;

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    this.#pace = new Pace(stage, PACE);
    stage.root.append(this.#list);
  }

  /** @param {Record<string, any>} options */
  apply(options) {
    this.#list.classList.toggle("without-avatars", !options.avatars);
    this.#list.classList.toggle("without-badges", !options.badges);
    while (this.#lines.length > options.count) this.#dropOldest();
  }

  /** @param {Frame & { isTest?: boolean }} frame */
  take(frame) {
    const { type, data } = frame;
    if (type === "connected" && !data.resumed) {
      this.#clear();
      data.snapshot.comments.forEach((/** @type {Frame} */ one) => this.#expect(one));
    } else if (type === "comment") {
      this.#expect(frame);
    } else if (type === "delete") {
      const messages = new Set(data.message_ids);
      const users = new Set(data.user_ids);
      this.#coming = this.#coming.filter(
        (one) => !messages.has(String(one.id)) && !users.has(one.data.user.id),
      );
      const gone = this.#lines.filter(({ id, user }) => messages.has(id) || users.has(user));
      gone.forEach((line) => this.#remove(line));
    }
  }

  /** @param {Frame} frame */
  #expect(frame) {
    if (!this.#stage.options.commands && frame.data.text.startsWith("!")) return;
    this.#coming.push(frame);
    // Those that would be pushed out at once are not made.
    const { count } = this.#stage.options;
    if (this.#coming.length > count) this.#coming.splice(0, this.#coming.length - count);
  }

  paint() {
    if (!this.#coming.length || !this.#pace.isDue()) return;
    const isFew = this.#coming.length <= 3;
    for (const frame of this.#coming.splice(0)) this.#add(frame, isFew);
  }

  /** @param {Frame} frame @param {boolean} isAnimated */
  #add(frame, isAnimated) {
    const { options, isReduced } = this.#stage;
    const { user } = frame.data;
    const node = this.#draw(frame);
    /** @type {Line} */
    const line = { id: String(frame.id), user: user.id, node, timer: null };
    if (options.stay > 0) {
      line.timer = setTimeout(() => this.#fade(line), options.stay * 1000);
    }
    this.#lines.push(line);
    this.#list.append(node);
    while (this.#lines.length > options.count) this.#dropOldest();
    if (!isAnimated) return;
    const from = isReduced ? { opacity: 0 } : { opacity: 0, transform: "translateY(1rem) scale(.96)" };
    animate(node, [from, { opacity: 1, transform: "none" }], { duration: 220 });
  }

  /** @param {Frame} frame */
  #draw({ data }) {
    const stage = this.#stage;
    const { user } = data;
    const name = make("strong", `name ${stage.toneOf(user)}`, stage.nameOf(user));
    const badges = make("span", "badges");
    if (user.badges?.moderator) badges.append(make("span", "badge mod", stage.text("moderator")));
    if (user.badges?.subscriber) badges.append(make("span", "badge sub", stage.icon("star")));
    const head = make("span", "head", name, badges);
    const said = make("span", "said", ...this.#wordsOf(data));
    return make("li", "line", stage.avatar(user), make("span", "bubble", head, said));
  }

  /** The text with its emotes where they stand. @param {Record<string, any>} data */
  #wordsOf({ text, emotes }) {
    /** @type {(Node | string)[]} */
    const parts = [];
    let from = 0;
    const placed = [...(emotes ?? [])].sort((a, b) => (a.index ?? LONGEST) - (b.index ?? LONGEST));
    for (const { index, image } of placed.slice(0, 10)) {
      const at = Math.min(index ?? text.length, text.length);
      if (at > from) parts.push(text.slice(from, at));
      from = Math.max(from, at);
      if (image) parts.push(make("span", "emote", this.#stage.picture(image)));
    }
    parts.push(text.slice(from, LONGEST), text.length > LONGEST ? "…" : "");
    return parts;
  }

  /** @param {Line} line */
  #fade(line) {
    animate(line.node, [{ opacity: 1 }, { opacity: 0 }], { duration: 400, fill: "forwards" });
    setTimeout(() => this.#remove(line), 410);
  }

  #dropOldest() {
    this.#remove(this.#lines[0]);
  }

  /** @param {Line} line */
  #remove(line) {
    clearTimeout(line.timer);
    line.node.remove();
    const at = this.#lines.indexOf(line);
    if (at >= 0) this.#lines.splice(at, 1);
  }

  #clear() {
    this.#coming = [];
    while (this.#lines.length) this.#dropOldest();
  }
}
