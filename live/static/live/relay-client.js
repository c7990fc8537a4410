/**
 * A client of the relay: one socket that comes back by itself and goes on where it was.
 *
 * For browsers, React Native and Node 20 or later; no dependencies. docs/app/javascript.md shows how to
 * use it. All durations are in seconds, as in the relay's frames; only `batch` is in milliseconds,
 * as the relay's own option is.
 */

/**
 * A message of the relay. The relay's published schema says what `data` holds for each `type`.
 *
 * @typedef {object} Frame
 * @property {string} type
 * @property {number} ts Milliseconds since the Unix epoch.
 * @property {string} [cursor] The place in the stream, of frames that carry an event.
 * @property {string | number} [id] TikTok's id of the event, or the ping's of its pong.
 * @property {Record<string, any>} data
 */

/**
 * Why the relay ends a connection: the data of an `error` frame. `title` and `detail` are for
 * people, `code` is for programs.
 *
 * @typedef {object} RelayError
 * @property {string} code
 * @property {string} title
 * @property {string} detail
 * @property {string} [hint]
 * @property {number} [retry_after] Seconds.
 * @property {number} close_code
 */

/**
 * A connection is over. `error` is null when the relay gave no reason: the network failed, the LIVE
 * has ended (`code` 1000), or `close` was called (the same). `final`: the client stays closed.
 *
 * @typedef {{ code: number, error: RelayError | null, final: boolean }} Closed
 */

/**
 * The client waits `retryIn` seconds, then makes its `attempt`-th attempt (1 is the first) since a
 * connection last held. `code` and `error` are those of the connection that is over.
 *
 * @typedef {{ attempt: number, retryIn: number, code: number, error: RelayError | null }} Reconnecting
 */

/**
 * What came was no frame. `message` is it, or the part of a batch that is at fault.
 *
 * @typedef {{ reason: string, message: unknown }} Malformed
 */

/**
 * Events beside the frames, which are events named by their `type`.
 *
 * @typedef {object} Events
 * @property {Frame} frame Every frame, whatever its type.
 * @property {{ attempt: number }} connecting A socket is being opened; attempt 0 is `connect()`.
 * @property {{ attempt: number }} open The socket is open. Whether the LIVE is there, frames say.
 * @property {Reconnecting} reconnecting
 * @property {Closed} closed
 * @property {Malformed} malformed
 */

/**
 * What the client needs of a WebSocket.
 *
 * @typedef {object} Socket
 * @property {((event: any) => void) | null} onopen
 * @property {((event: any) => void) | null} onmessage
 * @property {((event: any) => void) | null} onclose
 * @property {((event: any) => void) | null} onerror
 * @property {(text: string) => void} send
 * @property {(code?: number) => void} close
 */

/**
 * How long to wait before an attempt: a random part of `base`, then of `base` × 2, × 4 … up to
 * `cap` ("full jitter", so that a server that was away is not met by everybody at once).
 *
 * @typedef {object} Backoff
 * @property {number} base
 * @property {number} cap
 * @property {number} stableAfter A connection that stayed useful for so long starts the row anew.
 */

/**
 * What the test endpoint plays: an error, by its code, or a recording, by its name. Without either
 * it makes events up.
 *
 * @typedef {{ fail?: string, replay?: string }} Test
 */

/**
 * @typedef {object} Options
 * @property {string} url The relay's address, `wss://relay.example`.
 * @property {string} token Sent as a subprotocol, so that it stays out of addresses and their logs.
 * @property {string[]} [types] Event types that are wanted, one at least; all typed ones by default.
 * @property {number} [batch] Milliseconds over which the relay may gather events.
 * @property {boolean} [wait] Stay connected until the streamer goes live.
 * @property {string} [lang] Language of errors, "en" or "ru".
 * @property {string | null} [since] A cursor that was stored: go on behind it.
 * @property {boolean | Test} [test] Use the relay's test endpoint: nothing there is real. A relay
 *   whose test endpoint is off refuses the handshake, which looks like a network that fails: the
 *   client gets no `open` and tries again.
 * @property {string} [path] Of the socket, for those of the relay's own pages that have another one;
 *   "/ws", or "/ws/test" with the option `test`.
 * @property {Partial<Backoff>} [backoff] Default: base 1, cap 30, stableAfter 5.
 * @property {number} [openTimeout] For the handshake; 15.
 * @property {number} [pingInterval] Of silence, before the client asks for a sign of life; 25.
 * @property {number} [pongTimeout] For that sign of life; 10.
 * @property {boolean} [watchNetwork] In browsers, call `reconnectNow` when the network is back;
 *   true.
 * @property {new (url: string, protocols: string[]) => Socket} [WebSocket] The global one by
 *   default, which Node has from version 22 on.
 * @property {() => number} [random] From 0 to 1.
 * @property {() => number} [now] Milliseconds; must not jump with the wall clock.
 * @property {(callback: () => void, ms: number) => any} [setTimeout]
 * @property {(timer: any) => void} [clearTimeout]
 */

/**
 * @typedef {object} Policy
 * @property {boolean | "while waiting"} retry Whether the client tries again; "while waiting" is
 *   with the option `wait` only.
 * @property {number} [after] Seconds to wait at least, unless the error says how long.
 * @property {string} why
 */

/** @type {Policy} */
const STOP_REFUSED = { retry: false, why: "refused, and nobody said that it would pass" };
/** @type {Policy} */
const RETRY_CUT = { retry: true, why: "the network or a server failed, not the request" };

/**
 * What to do after each error of the relay, by its code.
 *
 * @type {Readonly<Record<string, Policy>>}
 */
export const POLICIES = Object.freeze({
  invalid_token: { retry: false, why: "the same token meets the same answer" },
  token_revoked: { retry: false, why: "a revoked or expired token stays so" },
  account_disabled: { retry: false, why: "somebody has to enable the account first" },
  username_missing: { retry: false, why: "somebody has to set the username first" },
  username_invalid: { retry: false, why: "somebody has to correct the username first" },
  bad_request: { retry: false, why: "the same request meets the same answer" },
  user_not_found: { retry: false, why: "somebody has to correct the username first" },
  disconnected: { retry: false, why: "staff ended it; the user may connect again" },
  age_restricted: { retry: false, why: "the streamer has to lift the restriction first" },
  sign_forbidden: { retry: false, why: "somebody has to change the sign server's key first" },
  user_offline: {
    retry: "while waiting",
    after: 5,
    why: "who wants to wait says so, and the relay waits for all; polling it would help nobody",
  },
  rate_limited: { retry: true, after: 60, why: "the sign server counts by the minute" },
  too_many_connections: {
    retry: true,
    after: 30,
    why: "a socket of ours that died silently counts until the relay's own pings notice",
  },
  too_slow: { retry: true, why: "the network was slow; the backlog still holds what it missed" },
  tiktok_blocked: { retry: true, after: 60, why: "TikTok lets go sooner of those who don't insist" },
  sign_unavailable: { retry: true, after: 30, why: "the sign server is down, each try costs it" },
  tiktok_timeout: { retry: true, after: 10, why: "TikTok or the sign server is overloaded" },
  connection_lost: { retry: true, after: 5, why: "the relay itself has just tried several times" },
  internal_error: { retry: true, after: 10, why: "a fault of the relay, perhaps a passing one" },
  server_shutdown: { retry: true, after: 5, why: "it restarts" },
});

/**
 * What to do when there is no error, or an error that this table is too old for, by close code;
 * any other code is a cut.
 *
 * @type {Readonly<Record<number, Policy>>}
 */
const POLICIES_BY_CLOSE_CODE = Object.freeze({
  1000: { retry: false, why: "the LIVE has ended" },
  1008: STOP_REFUSED,
});

/** What a socket's end is called when there was no close frame (RFC 6455, section 7.4.1). */
const CUT = 1006;
const NORMAL = 1000;
/** Longer than that, no error can make the client wait; and timers overflow at 24 days. */
const LONGEST_WAIT = 24 * 60 * 60;
/** Names of events that are no frames: no frame may pass for one. */
const OWN_EVENTS = new Set(["frame", "connecting", "open", "reconnecting", "closed", "malformed"]);
/** A relay's address; the client appends the path and the query itself. */
const ADDRESS = /^wss?:\/\/[^\s?#]+$/;
/** RFC 6455 asks for this of a subprotocol, and a WebSocket throws at anything else. */
const TOKEN = /^[\w!#$%&'*+\-.^`|~]+$/;
/** A handshake that takes longer was begun on a network that has gone since. */
const HANGING = 2;
const DEFAULTS = { openTimeout: 15, pingInterval: 25, pongTimeout: 10, watchNetwork: true };
/** @type {Backoff} */
const BACKOFF = { base: 1, cap: 30, stableAfter: 5 };

const ignore = () => {};

/**
 * One connection to the relay, from `connect()` to `close()` or a final `closed` event, however
 * many sockets that takes. It can then be connected again, and goes on at its cursor.
 */
export class RelayClient {
  #options;
  #backoff;
  /** @type {Map<string, Set<(event: any) => unknown>>} */
  #handlers = new Map();
  /** @type {"idle" | "connecting" | "open" | "reconnecting" | "closed"} */
  #state = "idle";
  /** @type {string | null} */
  #cursor;
  /** @type {Socket | null} */
  #socket = null;
  /** The one timer: each state that has one has one of its own. @type {any} */
  #timer = null;
  /** @type {RelayError | null} */
  #error = null;
  #attempt = 0;
  /** No attempt before that time, in ms. */
  #notBefore = 0;
  /** When the socket proved useful, in ms. @type {number | null} */
  #usefulSince = null;
  /** When the newest socket was made, in ms. */
  #madeAt = 0;
  #heardAt = 0;
  #pings = 0;
  #pinged = false;
  #onOnline = () => this.reconnectNow();

  /**
   * @param {Options} options
   * @throws {TypeError} An option can't be right, or there is no WebSocket here.
   */
  constructor(options) {
    const WebSocket = options.WebSocket ?? globalThis.WebSocket;
    if (typeof WebSocket !== "function") {
      throw new TypeError("no WebSocket here: pass a class as the option WebSocket");
    }
    if (typeof options.url !== "string" || !ADDRESS.test(options.url)) {
      throw new TypeError("the option url takes ws://… or wss://…, without ? and #");
    }
    // Of what is no string, a RegExp tests the text: "undefined" would be a token.
    if (typeof options.token !== "string" || !TOKEN.test(options.token)) {
      throw new TypeError("the option token takes a token of the relay"); // and is not repeated here
    }
    if (options.types?.length === 0) {
      throw new TypeError("the option types takes one type at least; leave it out for all");
    }
    this.#options = {
      ...DEFAULTS,
      random: Math.random,
      now: () => performance.now(),
      // Called as methods of another object, the global ones throw in browsers.
      /** @type {(callback: () => void, ms: number) => any} */
      setTimeout: (callback, ms) => globalThis.setTimeout(callback, ms),
      /** @type {(timer: any) => void} */
      clearTimeout: (timer) => globalThis.clearTimeout(timer),
      ...given(options),
      WebSocket,
    };
    this.#backoff = { ...BACKOFF, ...given(options.backoff ?? {}) };
    this.#cursor = options.since ?? null;
  }

  /** The place behind the last frame that handlers have seen. Store it to go on there later. */
  get cursor() {
    return this.#cursor;
  }

  /** "idle", "connecting", "open", "reconnecting" (waiting to), or "closed" (for good). */
  get state() {
    return this.#state;
  }

  /**
   * Call `handler` for each frame of a type, or for each of the client's own events. What it throws
   * is reported, and hurts nobody.
   *
   * @template {string} T
   * @param {T} type
   * @param {(event: T extends keyof Events ? Events[T] : Frame) => unknown} handler
   * @returns {() => void} Takes the handler off again.
   */
  on(type, handler) {
    let handlers = this.#handlers.get(type);
    if (!handlers) this.#handlers.set(type, (handlers = new Set()));
    handlers.add(handler);
    return () => this.off(type, handler);
  }

  /**
   * Take a handler off again; nothing happens if it is not on.
   *
   * @param {string} type
   * @param {(event: any) => unknown} handler
   */
  off(type, handler) {
    this.#handlers.get(type)?.delete(handler);
  }

  /**
   * Connect, and stay connected. Does nothing if it does so already.
   *
   * @throws What the WebSocket throws: a page of https may not use ws://, for one.
   */
  connect() {
    if (this.#state !== "idle" && this.#state !== "closed") return;
    this.#attempt = 0;
    this.#open();
  }

  /**
   * Close for good: no timer and no listener stays behind. Called by a handler of a frame, its other
   * handlers still get that frame, and nobody a later one.
   */
  close() {
    if (this.#state === "idle" || this.#state === "closed") return;
    this.#release()?.close(NORMAL);
    this.#finish(NORMAL, null);
  }

  /**
   * The network is back, or the app in front again: don't wait any longer than an error asks for,
   * start a handshake anew that has been hanging, and see at once whether an open socket still
   * lives. Called however often, it leaves a handshake the time that one takes.
   */
  reconnectNow() {
    const time = this.#options.now();
    if (this.#state === "reconnecting") {
      this.#after(Math.max(0, this.#notBefore - time) / 1000, () => this.#openAgain());
    } else if (this.#state === "connecting" && time - this.#madeAt >= HANGING * 1000) {
      this.#release()?.close();
      this.#openAgain();
    } else if (this.#state === "open" && !this.#pinged) {
      this.#ping();
    }
  }

  // --- One socket --------------------------------------------------------------------------------

  #open() {
    const { WebSocket, token, openTimeout, watchNetwork, now } = this.#options;
    this.#error = null;
    this.#usefulSince = null;
    /** @type {Socket} */
    const socket = new WebSocket(this.#address(), ["bearer", token]);
    this.#socket = socket;
    this.#madeAt = now();
    socket.onopen = () => this.#onOpen();
    socket.onmessage = (event) => this.#onMessage(event.data);
    socket.onclose = (event) => this.#onLost(event.code);
    socket.onerror = ignore; // says nothing that the close event which follows does not
    this.#after(openTimeout, () => this.#onLost(CUT));
    if (watchNetwork) globalThis.addEventListener?.("online", this.#onOnline);
    this.#state = "connecting";
    this.#emit("connecting", { attempt: this.#attempt });
  }

  /** As `#open`, when nobody is there to be told what the WebSocket throws: it counts as a cut. */
  #openAgain() {
    try {
      this.#open();
    } catch (error) {
      report(error);
      this.#onLost(CUT);
    }
  }

  /** Made by hand: React Native's URL can't do it everywhere. */
  #address() {
    const { url, types, batch, wait, lang, test, path = test ? "/ws/test" : "/ws" } = this.#options;
    const { fail, replay } = typeof test === "object" ? test : {};
    const query = Object.entries({
      fail,
      replay,
      types: types?.join(","),
      batch,
      wait: wait ? 1 : undefined,
      lang,
      since: this.#cursor ?? undefined,
    })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
    return `${url.replace(/\/+$/, "")}${path}${query.length ? "?" : ""}${query.join("&")}`;
  }

  #onOpen() {
    this.#state = "open";
    this.#heardAt = this.#options.now();
    this.#pinged = false;
    this.#watch();
    this.#emit("open", { attempt: this.#attempt });
  }

  /** Let go of the socket, whatever it still has to say. */
  #release() {
    this.#options.clearTimeout(this.#timer);
    this.#timer = null;
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      // `onerror` stays: to the class of the `ws` package, an error that nobody hears is fatal.
      socket.onopen = socket.onmessage = socket.onclose = null;
    }
    return socket;
  }

  /** @param {number} code */
  #onLost(code) {
    this.#release()?.close();
    const { now, random, wait } = this.#options;
    const { base, cap, stableAfter } = this.#backoff;
    const error = this.#error;
    const atLeast = secondsToWait(code, error, Boolean(wait));
    if (atLeast === null) {
      // The LIVE is over and has been read to its end: there is nothing to go on with.
      if (code === NORMAL && !error) this.#cursor = null;
      this.#finish(code, error);
      return;
    }
    const time = now();
    if (this.#usefulSince !== null && time - this.#usefulSince >= stableAfter * 1000) {
      this.#attempt = 0;
    }
    this.#attempt += 1;
    const retryIn = atLeast + random() * Math.min(cap, base * 2 ** (this.#attempt - 1));
    this.#notBefore = time + atLeast * 1000;
    this.#after(retryIn, () => this.#openAgain());
    this.#state = "reconnecting";
    const timer = this.#timer;
    const attempt = this.#attempt;
    this.#emit("closed", { code, error, final: false });
    if (this.#timer === timer) {
      this.#emit("reconnecting", { attempt, retryIn, code, error });
    }
  }

  /**
   * @param {number} code
   * @param {RelayError | null} error
   */
  #finish(code, error) {
    globalThis.removeEventListener?.("online", this.#onOnline);
    this.#state = "closed";
    this.#emit("closed", { code, error, final: true });
  }

  // --- Frames ------------------------------------------------------------------------------------

  /** @param {unknown} message */
  #onMessage(message) {
    this.#heardAt = this.#options.now();
    this.#pinged = false;
    const socket = this.#socket;
    for (const part of unpacked(message)) {
      if ("reason" in part) {
        this.#emit("malformed", part);
      } else {
        this.#take(part.frame);
      }
      if (this.#socket !== socket) return; // a handler closed it: the rest comes with the cursor
    }
  }

  /** @param {Frame} frame */
  #take(frame) {
    const { type, data } = frame;
    const cursor = frame.cursor ?? (type === "connected" ? data.cursor : null);
    if (typeof cursor === "string") this.#cursor = cursor;
    if (type === "error") this.#error = /** @type {RelayError} */ (data);
    // An open socket proves nothing, since the relay opens it even to say no.
    if (type === "connected" || (type === "status" && data.state === "waiting")) {
      this.#usefulSince ??= this.#options.now();
    }
    this.#emit("frame", frame);
    this.#emit(type, frame);
  }

  /**
   * @param {string} type
   * @param {unknown} event
   */
  #emit(type, event) {
    for (const handler of [...(this.#handlers.get(type) ?? [])]) {
      try {
        const result = handler(event);
        if (result instanceof Promise) result.catch(report);
      } catch (error) {
        report(error);
      }
    }
  }

  // --- Signs of life -----------------------------------------------------------------------------

  /** Mobile networks drop sockets without a word: after a silence, ask. */
  #watch() {
    const { now, pingInterval } = this.#options;
    const left = pingInterval - (now() - this.#heardAt) / 1000;
    if (left > 0) {
      this.#after(left, () => this.#watch());
    } else {
      this.#ping();
    }
  }

  /** Any frame counts as the answer: on a slow line, the pong queues behind others. */
  #ping() {
    this.#pings += 1;
    this.#pinged = true;
    this.#socket?.send(JSON.stringify({ type: "ping", id: this.#pings }));
    this.#after(this.#options.pongTimeout, () => {
      if (this.#pinged) {
        this.#onLost(CUT);
      } else {
        this.#watch();
      }
    });
  }

  /**
   * Set the timer, in place of the one that was set.
   *
   * @param {number} seconds
   * @param {() => void} callback
   */
  #after(seconds, callback) {
    this.#options.clearTimeout(this.#timer);
    this.#timer = this.#options.setTimeout(callback, seconds * 1000);
  }
}

/**
 * How long to wait at least before another attempt; null for none.
 *
 * @param {number} closeCode
 * @param {RelayError | null} error
 * @param {boolean} waiting Whether the relay was asked to wait for the streamer.
 */
function secondsToWait(closeCode, error, waiting) {
  const code = error?.code ?? "";
  const asked = error?.retry_after;
  const isAsked = typeof asked === "number" && asked >= 0;
  const known = typeof code === "string" && Object.hasOwn(POLICIES, code);
  let policy = known ? POLICIES[code] : undefined;
  if (isAsked) policy ??= RETRY_CUT;
  policy ??= POLICIES_BY_CLOSE_CODE[closeCode] ?? RETRY_CUT;
  if (!policy.retry || (policy.retry === "while waiting" && !waiting)) return null;
  return Math.min(isAsked ? asked : (policy.after ?? 0), LONGEST_WAIT);
}

/**
 * The frames of a message, a batch unpacked, or why there is none.
 *
 * @param {unknown} message
 * @returns {({ frame: Frame } | Malformed)[]}
 */
function unpacked(message) {
  if (typeof message !== "string") return [{ reason: "not a text message", message }];
  let value;
  try {
    value = JSON.parse(message);
  } catch {
    return [{ reason: "not JSON", message }];
  }
  if (value?.type !== "batch") return [checked(value)];
  const events = value.data?.events;
  if (!Array.isArray(events)) return [{ reason: "a batch without events", message }];
  return events.map(checked);
}

/**
 * @param {any} value
 * @returns {{ frame: Frame } | Malformed}
 */
function checked(value) {
  const type = value?.type;
  if (typeof type !== "string" || typeof value.data !== "object" || value.data === null) {
    return { reason: "not an object with type and data", message: value };
  }
  if (OWN_EVENTS.has(type) || type === "batch") {
    return { reason: `no frame can have the type ${type} here`, message: value };
  }
  return { frame: value };
}

/**
 * The options that are set: one that is undefined must not hide its default.
 *
 * @template {object} T
 * @param {T} options
 * @returns {T}
 */
function given(options) {
  const set = Object.entries(options).filter(([, value]) => value !== undefined);
  return /** @type {T} */ (Object.fromEntries(set));
}

/**
 * Report what a handler threw, where the platform reports what nobody catches.
 *
 * @param {unknown} error
 */
function report(error) {
  if (typeof globalThis.reportError === "function") {
    globalThis.reportError(error);
  } else {
    console.error(error);
  }
}
