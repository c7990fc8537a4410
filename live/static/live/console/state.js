/** The state line: how things stand between this page, the relay and TikTok. */

import { byId, setText } from "../../shared/dom.js";
import { LiveClock } from "./clock.js";
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
  failed: { label: gettext("Not connected"), named: false },
};
/** In which the LIVE goes on, as far as is known. */
const GOING_ON = new Set(["live", "quiet", "deaf"]);

/** @typedef {keyof typeof WORDS} State */

export class StateLine {
  #line = byId("state");
  #label = byId("state-label");
  #name = byId("state-name");
  #detail = byId("state-detail");
  #countdown = byId("state-countdown");
  #clock = new LiveClock(byId("state-clock"));
  /** When the LIVE began, and by which clock: the server's time and this page's. */
  #began = { at: 0, told: 0, heard: 0 };
  #username;
  #title = "";
  #stop = () => {};

  /** @param {string} username The account's, until the relay tells. */
  constructor(username) {
    this.#username = username;
  }

  /** @param {string} username */
  set username(username) {
    this.#username = username;
  }

  /** @returns {State} */
  get state() {
    return /** @type {State} */ (this.#line.dataset.state);
  }

  /** @param {State} state @param {string} [detail] What else there is to say. */
  show(state, detail = "") {
    this.#stop();
    const { label, named } = WORDS[state];
    this.#line.dataset.state = state;
    setText(this.#label, label);
    setText(this.#name, named && this.#username ? `@${this.#username}` : "");
    setText(this.#detail, detail);
    this.#detail.title = detail;
    setText(this.#countdown, "");
    this.#showClock(state);
  }

  /**
   * Another attempt comes.
   *
   * @param {number} seconds Until then.
   * @param {number} attempt Counted from 1.
   * @param {string} [why] What the relay has said, if it was an error that ended the connection.
   */
  showReconnecting(seconds, attempt, why) {
    const counted = interpolate(gettext("attempt %(attempt)s"), { attempt }, true);
    this.show("reconnecting", why ?? counted);
    this.#stop = countDown(seconds, (left) => {
      const text = gettext("in %(duration)s");
      setText(this.#countdown, left ? interpolate(text, { duration: left }, true) : "");
    });
  }

  /** @param {Frame} frame `connected` or `status`. */
  take({ type, ts, data }) {
    if (type === "connected") {
      this.#username = data.username;
      this.#title = data.title ?? "";
      this.#began = { at: data.started_at ?? 0, told: ts, heard: performance.now() };
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

  /** @param {State} state */
  #showClock(state) {
    const { at, told, heard } = this.#began;
    if (at && GOING_ON.has(state)) this.#clock.start(at, told + performance.now() - heard);
    else this.#clock.stop();
  }
}
