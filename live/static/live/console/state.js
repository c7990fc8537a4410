/** The state line: how things stand between this page, the relay and TikTok. */

import { byId, setText } from "../../shared/dom.js";
import { countDown } from "./countdown.js";

/** @typedef {import("../relay-client.js").Frame} Frame */

/** What is said of each state: a word, and whether the streamer's name stands behind it. */
const WORDS = {
  off: { label: gettext("Not connected"), named: false },
  connecting: { label: gettext("Connecting…"), named: true },
  live: { label: gettext("LIVE"), named: true },
  quiet: { label: gettext("LIVE"), named: true },
  waiting: { label: gettext("Waiting for the LIVE"), named: true },
  deaf: { label: gettext("No signal"), named: false },
  reconnecting: { label: gettext("Reconnecting"), named: false },
  ended: { label: gettext("The LIVE has ended"), named: false },
};

/** @typedef {keyof typeof WORDS} State */

export class StateLine {
  #line = byId("state");
  #label = byId("state-label");
  #name = byId("state-name");
  #detail = byId("state-detail");
  #countdown = byId("state-countdown");
  #username;
  #title = "";
  #stop = () => {};

  /** @param {string} username The account's, until the relay tells. */
  constructor(username) {
    this.#username = username;
  }

  /** @param {State} state @param {string} [detail] What else there is to say. */
  show(state, detail = "") {
    this.#stop();
    const { label, named } = WORDS[state];
    this.#line.dataset.state = state;
    setText(this.#label, label);
    setText(this.#name, named && this.#username ? `@${this.#username}` : "");
    setText(this.#detail, detail);
    setText(this.#countdown, "");
  }

  /** Another attempt comes in so many seconds. @param {number} seconds @param {number} attempt */
  showReconnecting(seconds, attempt) {
    this.show("reconnecting", interpolate(gettext("attempt %(attempt)s"), { attempt }, true));
    this.#stop = countDown(seconds, (left) => {
      const text = gettext("in %(duration)s");
      setText(this.#countdown, left ? interpolate(text, { duration: left }, true) : "");
    });
  }

  /** @param {Frame} frame `connected` or `status`. */
  take({ type, data }) {
    if (type === "connected") {
      this.#username = data.username;
      this.#title = data.title ?? "";
      this.show("live", this.#title);
    } else if (data.state === "reconnecting") {
      this.showReconnecting(data.retry_in ?? 0, data.attempt ?? 1);
    } else if (data.state === "live") {
      this.show("live", this.#title);
    } else if (data.state === "quiet") {
      this.show("quiet", gettext("nothing happens right now"));
    } else if (data.state === "deaf") {
      this.show("deaf", gettext("nothing arrives from TikTok"));
    } else if (data.state === "waiting" || data.state === "connecting") {
      this.show(data.state);
    }
  }
}
