/** A clock that tests turn, and sockets whose other end is the test. */

import { RelayClient } from "../../live/static/live/relay-client.js";

/** Timers that fire when `advance` passes their time. */
export class Clock {
  /** Milliseconds. */
  time = 1_000_000;
  timers = new Map();
  #ids = 0;

  now = () => this.time;

  setTimeout = (callback, ms) => {
    this.#ids += 1;
    this.timers.set(this.#ids, { at: this.time + ms, callback });
    return this.#ids;
  };

  clearTimeout = (id) => {
    this.timers.delete(id);
  };

  /** Let as much time pass as the next timer takes. */
  advanceToTimer() {
    const next = Math.min(...[...this.timers.values()].map(({ at }) => at));
    this.advance((next - this.time) / 1000);
  }

  /** Let so many seconds pass; each timer that is due meanwhile fires at its time. */
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
  onopen = null;
  onmessage = null;
  onclose = null;
  onerror = null;
  /** What the client has sent, parsed. */
  sent = [];
  /** The codes with which the client has closed it. */
  closedWith = [];

  constructor(url, protocols) {
    this.url = new URL(url);
    this.protocols = protocols;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close(code) {
    this.closedWith.push(code);
  }

  // --- The relay's end ---

  open() {
    this.onopen?.({});
  }

  /** Any text, or anything else that is no text. */
  message(data) {
    this.onmessage?.({ data });
  }

  frame(type, data = {}, more = {}) {
    this.message(JSON.stringify({ type, ts: 1, data, ...more }));
  }

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

  /** The relay explains, and closes. */
  refuse(code, closeCode, more = {}) {
    this.frame("error", { code, title: "", detail: "", close_code: closeCode, ...more });
    this.lose(closeCode);
  }
}

/**
 * A client whose world is in the test's hands. Its `log` is what it emitted: [type, event] pairs.
 * A `random` of 1 makes each backoff as long as it can be.
 */
export function makeClient(options = {}) {
  const clock = new Clock();
  const sockets = [];
  const client = new RelayClient({
    url: "ws://relay.example",
    token: "the-token",
    WebSocket: class extends Socket {
      constructor(...args) {
        super(...args);
        sockets.push(this);
      }
    },
    random: () => 1,
    now: clock.now,
    setTimeout: clock.setTimeout,
    clearTimeout: clock.clearTimeout,
    ...options,
  });
  const log = [];
  for (const type of ["connecting", "open", "reconnecting", "closed", "malformed", "frame"]) {
    client.on(type, (event) => log.push([type, event]));
  }
  return {
    client,
    clock,
    sockets,
    log,
    /** The newest socket. */
    get socket() {
      return sockets.at(-1);
    },
    /** The events of a type. */
    events: (type) => log.filter(([name]) => name === type).map(([, event]) => event),
    /** Connect, with the relay's greeting. */
    greeted() {
      client.connect();
      sockets.at(-1).open();
      sockets.at(-1).connected();
      return sockets.at(-1);
    },
  };
}
