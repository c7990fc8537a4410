/** The message that somebody pinned to the top. */

import { byId } from "../../shared/dom.js";
import { nameOf } from "./elements.js";
import { entryOf, joined, liked } from "./lines.js";

/** @typedef {import("../relay-client.js").Frame} Frame */

const PINNABLE = ["comment", "gift", "like", "join", "follow", "share"];

export class Pin {
  #section = byId("pinned");
  #message = byId("pinned-message");
  #messageId = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Frame} frame */
  take({ type, ts, data }) {
    if (type === "delete" && data.message_ids.includes(this.#messageId)) this.reset();
    if (type !== "pin") return;
    if (data.state === "pinned") {
      this.#show(ts, data);
    } else if (data.message_id === this.#messageId) {
      this.reset();
    }
  }

  reset() {
    clearTimeout(this.#timer);
    this.#messageId = "";
    this.#section.hidden = true;
    this.#message.replaceChildren();
  }

  /** @param {number} ts @param {Record<string, any>} data */
  #show(ts, data) {
    const type = PINNABLE.find((name) => data[name]);
    const entry = type ? entryOfPinned({ type, ts, data: data[type] }) : null;
    if (!entry) return;
    this.reset();
    this.#messageId = data.message_id;
    this.#message.append(entry);
    this.#section.title = data.by ? nameOf(data.by) : "";
    this.#section.hidden = false;
    if (data.seconds) this.#timer = setTimeout(() => this.reset(), data.seconds * 1000);
  }
}

/** @param {Frame} frame */
function entryOfPinned(frame) {
  const { user, count } = frame.data;
  if (frame.type === "join") return joined(user, 0);
  if (frame.type === "like") return liked(user, count, true);
  return entryOf(frame);
}
