import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { RelayClient } from "../../live/static/live/relay-client.js";
import { makeClient, Socket } from "./fakes.js";

/** @typedef {import("./fakes.js").World} World */
/** What tests put in the place of a browser's globals. @type {Record<string, unknown>} */
const GLOBALS = globalThis;

describe("Connecting", () => {
  it("works", () => {
    const world = makeClient();
    world.client.connect();
    assert.equal(world.client.state, "connecting");
    world.socket.open();
    assert.equal(world.client.state, "open");
    world.socket.connected();
    world.socket.comment(1);
    assert.deepEqual(
      world.log.map(([type, event]) => event.type ?? type),
      ["connecting", "open", "connected", "comment"],
    );
  });

  it("keeps the token out of the address", () => {
    const world = makeClient();
    world.client.connect();
    assert.deepEqual(world.socket.protocols, ["bearer", "the-token"]);
    assert.equal(world.socket.url.href, "ws://relay.example/ws");
  });

  it("asks for what the options say", () => {
    const world = makeClient({
      url: "wss://relay.example/behind/",
      types: ["comment", "gift"],
      batch: 100,
      wait: true,
      lang: "ru",
      since: "k3f9-1742",
    });
    world.client.connect();
    assert.equal(world.socket.url.pathname, "/behind/ws");
    assert.deepEqual(Object.fromEntries(world.socket.url.searchParams), {
      types: "comment,gift",
      batch: "100",
      wait: "1",
      lang: "ru",
      since: "k3f9-1742",
    });
  });

  it("uses the test endpoint when it is told to", () => {
    for (const [test, search] of [
      [true, ""],
      [{}, ""],
      [{ fail: "rate_limited" }, "?fail=rate_limited"],
      [{ replay: "a b.jsonl.gz" }, "?replay=a%20b.jsonl.gz"],
    ]) {
      const world = makeClient({ test });
      world.client.connect();
      assert.equal(world.socket.url.href, `ws://relay.example/ws/test${search}`);
      assert.deepEqual(world.socket.protocols, ["bearer", "the-token"]);
    }
  });

  it("takes an option that is undefined for one that is not set", () => {
    const world = makeClient({ since: undefined, types: undefined, pingInterval: undefined });
    world.greeted();
    assert.equal(world.socket.url.search, "");
    world.clock.advance(25);
    assert.equal(world.socket.sent.length, 1);
  });

  it("connects once, however often it is told to", () => {
    const world = makeClient();
    world.client.connect();
    world.client.connect();
    world.socket.open();
    world.client.connect();
    world.socket.lose();
    world.client.connect();
    assert.equal(world.sockets.length, 1);
  });

  it("tries again, without an error, where the relay refuses the handshake", () => {
    // As a relay does at /ws/test when its test endpoint is off.
    const world = makeClient({ test: true });
    world.client.connect();
    for (const attempt of [1, 2, 3]) {
      world.socket.lose();
      assert.deepEqual(world.events("closed").at(-1), { code: 1006, error: null, final: false });
      assert.equal(world.events("reconnecting").at(-1).attempt, attempt);
      world.clock.advanceToTimer();
    }
    assert.deepEqual(world.events("open"), []);
  });

  it("gives up a handshake that takes too long", () => {
    const world = makeClient();
    world.client.connect();
    world.clock.advance(15);
    assert.deepEqual(world.sockets[0].closedWith, [undefined]);
    assert.equal(world.client.state, "reconnecting");
    world.clock.advance(1);
    assert.equal(world.sockets.length, 2);
  });

  /** @type {[string, Record<string, unknown>][]} */
  const wrong = [
    ["an address of http", { url: "http://relay.example" }],
    ["an address with a query", { url: "ws://relay.example/?a=b" }],
    ["an address that is no string", { url: new URL("ws://relay.example") }],
    ["no address", { url: undefined }],
    ["an empty token", { token: "" }],
    ["no token", { token: undefined }],
    ["null instead of a token", { token: null }],
    ["a token that is no subprotocol", { token: "two words" }],
    ["no type at all", { types: [] }],
  ];
  for (const [what, options] of wrong) {
    it(`refuses ${what} at once`, () => {
      assert.throws(() => makeClient(options), TypeError);
    });
  }

  it("does not repeat a wrong token", () => {
    assert.throws(
      () => makeClient({ token: "secret word" }),
      (error) => error instanceof Error && !error.message.includes("secret word"),
    );
  });

  it("says what to do where there is no WebSocket", () => {
    const before = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
    delete GLOBALS.WebSocket;
    try {
      assert.throws(() => new RelayClient({ url: "ws://relay.example", token: "t" }), /WebSocket/);
    } finally {
      if (before) Object.defineProperty(globalThis, "WebSocket", before);
    }
  });

  it("throws what the socket's class throws, and can be connected later", () => {
    let broken = true;
    const world = makeClient();
    const client = new RelayClient({
      url: "ws://relay.example",
      token: "t",
      WebSocket: class extends Socket {
        /** @param {string} url @param {string[]} protocols */
        constructor(url, protocols) {
          if (broken) throw new Error("mixed content");
          super(url, protocols);
        }
      },
      setTimeout: world.clock.setTimeout,
      clearTimeout: world.clock.clearTimeout,
    });
    assert.throws(() => client.connect(), /mixed content/);
    assert.equal(client.state, "idle");
    assert.equal(world.clock.timers.size, 0);
    broken = false;
    client.connect();
    assert.equal(client.state, "connecting");
  });
});

describe("Closing", () => {
  /** @type {[string, (world: World) => unknown][]} */
  const states = [
    ["connecting", (world) => world.client.connect()],
    ["open", (world) => world.greeted()],
    ["reconnecting", (world) => world.greeted().lose()],
  ];
  for (const [state, reach] of states) {
    it(`is final while ${state}`, () => {
      const world = makeClient();
      reach(world);
      assert.equal(world.client.state, state);
      const { socket } = world;
      world.client.close();
      assert.equal(world.client.state, "closed");
      assert.deepEqual(world.events("closed").at(-1), { code: 1000, error: null, final: true });
      assert.equal(world.clock.timers.size, 0);
      const emitted = world.log.length;
      socket.open();
      socket.comment(1);
      socket.lose();
      world.client.reconnectNow();
      world.client.close();
      world.clock.advance(3600);
      assert.equal(world.log.length, emitted);
      assert.equal(world.sockets.length, 1);
    });
  }

  it("closes the socket as a normal end", () => {
    const world = makeClient();
    const socket = world.greeted();
    world.client.close();
    assert.deepEqual(socket.closedWith, [1000]);
  });

  it("keeps an ear for errors, which the class of the ws package throws when nobody has one", () => {
    const world = makeClient();
    world.client.connect();
    world.client.close();
    assert.equal(typeof world.socket.onerror, "function");
  });

  it("does nothing to a client that was never connected", () => {
    const world = makeClient();
    world.client.close();
    assert.equal(world.client.state, "idle");
    assert.deepEqual(world.log, []);
  });

  it("ends the batch in hand, whose rest comes with the next connection", () => {
    const world = makeClient();
    const socket = world.greeted();
    world.client.on("comment", () => world.client.close());
    const events = [1, 2, 3].map((number) => ({
      type: "comment",
      ts: 1,
      cursor: `e-${number}`,
      data: {},
    }));
    socket.frame("batch", { events });
    assert.equal(world.events("frame").filter(({ type }) => type === "comment").length, 1);
    assert.equal(world.client.cursor, "e-1");
    world.client.connect();
    assert.equal(world.socket.url.searchParams.get("since"), "e-1");
  });

  it("can happen in the handler of any event", () => {
    for (const type of ["connecting", "open", "frame", "closed", "reconnecting", "malformed"]) {
      const world = makeClient();
      world.client.on(type, () => world.client.close());
      world.client.connect();
      world.socket.open();
      world.socket.message("no frame");
      world.socket.connected();
      world.socket.lose();
      assert.equal(world.client.state, "closed", type);
      assert.equal(world.clock.timers.size, 0, type);
      assert.equal(world.log.at(-1)?.[1].final, true, type);
      world.clock.advance(3600);
      assert.equal(world.sockets.length, 1, type);
    }
  });
});

describe("The browser's network events", () => {
  /**
   * Give the test a global event target, as browsers have it, and take it away again.
   *
   * @param {(target: EventTarget, listening: Set<() => void>) => void} test
   */
  function inABrowser(test) {
    const target = new EventTarget();
    /** @type {Set<() => void>} */
    const listening = new Set();
    GLOBALS.addEventListener = (/** @type {string} */ type, /** @type {() => void} */ listener) => {
      listening.add(listener);
      target.addEventListener(type, listener);
    };
    GLOBALS.removeEventListener = (/** @type {string} */ type, /** @type {() => void} */ listener) => {
      listening.delete(listener);
      target.removeEventListener(type, listener);
    };
    try {
      test(target, listening);
    } finally {
      delete GLOBALS.addEventListener;
      delete GLOBALS.removeEventListener;
    }
  }

  it("make it reconnect at once", () => {
    inABrowser((target) => {
      const world = makeClient({ backoff: { base: 20 } });
      world.greeted().lose();
      world.clock.advance(1);
      assert.equal(world.sockets.length, 1);
      target.dispatchEvent(new Event("online"));
      world.clock.advance(0);
      assert.equal(world.sockets.length, 2);
    });
  });

  it("are heard once, and not after the end", () => {
    inABrowser((_target, listening) => {
      const world = makeClient();
      world.greeted().lose();
      world.clock.advance(1);
      assert.equal(listening.size, 1);
      world.socket.refuse("invalid_token", 1008);
      assert.equal(listening.size, 0);
      world.client.connect();
      world.client.close();
      assert.equal(listening.size, 0);
    });
  });

  it("can be left to the app", () => {
    inABrowser((_target, listening) => {
      const world = makeClient({ watchNetwork: false });
      world.greeted();
      assert.equal(listening.size, 0);
    });
  });
});
