/** A clock that tests turn, and sockets whose other end is the test. */

import { RelayClient } from "../../live/static/live/relay-client.js";

/** @typedef {import("../../live/static/live/relay-client.js").Options} Options */
/** @typedef {ReturnType<typeof makeClient>} World */

/** Timers that fire when `advance` passes their time. */
export class Clock {
  /** Milliseconds. */
  time = 1_000_000;
  /** @type {Map<number, { at: number, callback: () => void }>} */
  timers = new Map();
  #ids = 0;

  now = () => this.time;

  /** @param {() => void} callback @param {number} ms */
  setTimeout = (callback, ms) => {
    this.#ids += 1;
    this.timers.set(this.#ids, { at: this.time + ms, callback });
    return this.#ids;
  };

  /** @param {number} id */
  clearTimeout = (id) => {
    this.timers.delete(id);
  };

  /** Let as much time pass as the next timer takes. */
  advanceToTimer() {
    const next = Math.min(...[...this.timers.values()].map(({ at }) => at));
    this.advance((next - this.time) / 1000);
  }

  /** Let so many seconds pass; each timer that is due meanwhile fires at its time. @param {number} seconds */
  advance(seconds) {
    const end = this.time + seconds * 1000;
    for (;;) {
      const due = [...this.timers].filter(([, timer]) => timer.at <= end);
      if (!due.length) break;
      const [id, timer] = due.reduce((a, b) => (b[1].at < a[1].at ? b : a));
      this.timers.delete(id);
      this.time = Math.max(this.time, timer.at);
      timer.callback();
    }
    this.time = end;
  }
}

/** What a browser's WebSocket does, as far as the client can see. */
export class Socket {
  /** @type {((event: any) => void) | null} */
  onopen = null;
  /** @type {((event: any) => void) | null} */
  onmessage = null;
  /** @type {((event: any) => void) | null} */
  onclose = null;
  /** @type {((event: any) => void) | null} */
  onerror = null;
  /** What the client has sent, parsed. @type {any[]} */
  sent = [];
  /** The codes with which the client has closed it. @type {(number | undefined)[]} */
  closedWith = [];

  /** @param {string} url @param {string[]} protocols */
  constructor(url, protocols) {
    this.url = new URL(url);
    this.protocols = protocols;
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }

  /** @param {number} [code] */
  close(code) {
    this.closedWith.push(code);
  }

  // --- The relay's end ---

  open() {
    this.onopen?.({});
  }

  /** Any text, or anything else that is no text. @param {unknown} data */
  message(data) {
    this.onmessage?.({ data });
  }

  /** @param {string} type @param {object} data @param {object} more Of the frame, beside them. */
  frame(type, data = {}, more = {}) {
    this.message(JSON.stringify({ type, ts: 1, data, ...more }));
  }

  /** @param {number} number */
  comment(number) {
    this.frame("comment", { text: `${number}` }, { cursor: `e-${number}`, id: `${number}` });
  }

  connected(cursor = "e-0") {
    this.frame("connected", { username: "anna", cursor, resumed: false });
  }

  lose(code = 1006) {
    this.onerror?.({});
    this.onclose?.({ code });
  }

  /**
   * The relay explains, and closes.
   *
   * @param {unknown} code Of the error; whatever a test wants it to be.
   * @param {number} closeCode
   * @param {object} more Of the error.
   */
  refuse(code, closeCode, more = {}) {
    this.frame("error", { code, title: "", detail: "", close_code: closeCode, ...more });
    this.lose(closeCode);
  }
}

/**
 * A client whose world is in the test's hands. Its `log` is what it emitted: [type, event] pairs.
 * A `random` of 1 makes each backoff as long as it can be.
 *
 * @param {Record<string, unknown>} options The client's; wrong ones, too.
 */
export function makeClient(options = {}) {
  const clock = new Clock();
  /** @type {Socket[]} */
  const sockets = [];
  const all = {
    url: "ws://relay.example",
    token: "the-token",
    WebSocket: class extends Socket {
      /** @param {string} url @param {string[]} protocols */
      constructor(url, protocols) {
        super(url, protocols);
        sockets.push(this);
      }
    },
    random: () => 1,
    now: clock.now,
    setTimeout: clock.setTimeout,
    clearTimeout: clock.clearTimeout,
    ...options,
  };
  const client = new RelayClient(/** @type {Options} */ (all));
  /** @type {[string, any][]} */
  const log = [];
  for (const type of ["connecting", "open", "reconnecting", "closed", "malformed", "frame"]) {
    client.on(type, (event) => log.push([type, event]));
  }
  function newest() {
    const socket = sockets.at(-1);
    if (!socket) throw new Error("the client has made no socket yet");
    return socket;
  }

  return {
    client,
    clock,
    sockets,
    log,
    /** The newest socket. */
    get socket() {
      return newest();
    },
    /** The events of a type. @param {string} type */
    events: (type) => log.filter(([name]) => name === type).map(([, event]) => event),
    /** Connect, with the relay's greeting. */
    greeted() {
      client.connect();
      newest().open();
      newest().connected();
      return newest();
    },
  };
}
