import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { POLICIES } from "../../live/static/live/relay-client.js";
import { makeClient, Socket } from "./fakes.js";

describe("After a cut", () => {
  for (const code of [1001, 1005, 1006, 1011, 1012, 1015, 4321]) {
    it(`with ${code}, it comes back`, () => {
      const world = makeClient();
      world.greeted().lose(code);
      assert.equal(world.client.state, "reconnecting");
      assert.deepEqual(world.events("closed"), [{ code, error: null, final: false }]);
      assert.deepEqual(world.events("reconnecting"), [
        { attempt: 1, retryIn: 1, code, error: null },
      ]);
      world.clock.advance(0.999);
      assert.equal(world.sockets.length, 1);
      world.clock.advance(0.001);
      assert.equal(world.sockets.length, 2);
      assert.deepEqual(world.events("connecting"), [{ attempt: 0 }, { attempt: 1 }]);
      world.socket.open();
      assert.equal(world.client.state, "open");
    });
  }

  for (const { code, why } of [
    { code: 1000, why: "the LIVE has ended" },
    { code: 1008, why: "it was refused" },
  ]) {
    it(`with ${code}, it stays closed: ${why}`, () => {
      const world = makeClient();
      world.greeted().lose(code);
      assert.equal(world.client.state, "closed");
      assert.deepEqual(world.events("closed"), [{ code, error: null, final: true }]);
      assert.equal(world.clock.timers.size, 0);
    });
  }

  it("backs off further and further, up to a limit", () => {
    const world = makeClient();
    world.client.connect();
    for (let attempt = 1; attempt <= 2000; attempt += 1) {
      world.socket.lose();
      world.clock.advanceToTimer();
    }
    const waits = world.events("reconnecting").map(({ retryIn }) => retryIn);
    assert.deepEqual(waits.slice(0, 7), [1, 2, 4, 8, 16, 30, 30]);
    assert.equal(waits.at(-1), 30);
    assert.equal(world.sockets.length, 2001);
  });

  it("waits a random part of that", () => {
    const parts = [0, 0.25, 0.5];
    const world = makeClient({ random: () => parts.shift(), backoff: { base: 8, cap: 20 } });
    world.client.connect();
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      world.socket.lose();
      world.clock.advanceToTimer();
    }
    assert.deepEqual(
      world.events("reconnecting").map(({ retryIn }) => retryIn),
      [0, 4, 10],
    );
  });

  it("starts anew after a connection that held", () => {
    const world = makeClient();
    world.client.connect();
    for (const wait of [1, 2, 4]) {
      world.socket.lose();
      world.clock.advance(wait);
    }
    world.socket.open();
    world.socket.connected();
    world.clock.advance(5);
    world.socket.lose();
    assert.deepEqual(world.events("reconnecting").at(-1).attempt, 1);
  });

  it("does not start anew after one that was greeted and cut", () => {
    const world = makeClient();
    world.greeted();
    world.clock.advance(4.9);
    world.socket.lose();
    world.clock.advance(1);
    world.socket.open();
    world.socket.connected();
    world.socket.lose();
    assert.equal(world.events("reconnecting").at(-1).attempt, 2);
  });

  it("does not start anew after one that was open for long and never got to the LIVE", () => {
    const world = makeClient();
    world.client.connect();
    for (const attempt of [1, 2, 3]) {
      world.socket.open();
      world.socket.frame("status", { state: "connecting" });
      world.clock.advance(20);
      world.socket.refuse("tiktok_timeout", 1011);
      assert.equal(world.events("reconnecting").at(-1).attempt, attempt);
      world.clock.advanceToTimer();
    }
  });

  it("starts anew after one that waited for the streamer", () => {
    const world = makeClient({ wait: true });
    world.client.connect();
    world.socket.lose();
    world.clock.advance(1);
    world.socket.open();
    world.socket.frame("status", { state: "waiting" });
    world.clock.advance(5);
    world.socket.lose();
    assert.equal(world.events("reconnecting").at(-1).attempt, 1);
  });

  it("starts anew after one that held, though the streamer's next LIVE had only begun", () => {
    const world = makeClient();
    world.greeted().lose();
    world.clock.advance(1);
    world.socket.open();
    world.socket.connected();
    world.clock.advance(5);
    world.socket.connected();
    world.socket.lose();
    assert.equal(world.events("reconnecting").at(-1).attempt, 1);
  });

  it("keeps at it while no socket can be made, further and further apart", (t) => {
    const reported = t.mock.method(console, "error", () => {});
    /** @type {Socket[]} */
    const sockets = [];
    let made = 0;
    const world = makeClient({
      WebSocket: class extends Socket {
        /** @param {string} url @param {string[]} protocols */
        constructor(url, protocols) {
          made += 1;
          if (made === 2 || made === 3) throw new Error("not now");
          super(url, protocols);
          sockets.push(this);
        }
      },
    });
    world.client.connect();
    sockets[0].open();
    sockets[0].connected();
    world.clock.advance(5);
    sockets[0].lose();
    for (const wait of [1, 2, 4]) {
      assert.equal(world.client.state, "reconnecting");
      world.clock.advance(wait);
    }
    assert.equal(world.client.state, "connecting");
    assert.equal(sockets.length, 2);
    assert.deepEqual(
      world.events("reconnecting").map(({ attempt, code }) => [attempt, code]),
      [1, 2, 3].map((attempt) => [attempt, 1006]),
    );
    assert.equal(reported.mock.callCount(), 2);
  });

  it("hears nothing more of the old socket", () => {
    const world = makeClient();
    const old = world.greeted();
    old.lose();
    world.clock.advance(1);
    world.socket.open();
    old.comment(7);
    old.lose();
    assert.equal(world.client.state, "open");
    assert.equal(world.client.cursor, "e-0");
  });
});

describe("After an error", () => {
  const FINAL = [
    "invalid_token",
    "token_revoked",
    "account_disabled",
    "username_missing",
    "username_invalid",
    "bad_request",
    "user_not_found",
    "age_restricted",
    "sign_forbidden",
    "user_offline",
    "disconnected",
  ];
  const PASSING = {
    rate_limited: 60,
    too_many_connections: 30,
    too_slow: 0,
    tiktok_blocked: 60,
    sign_unavailable: 30,
    tiktok_timeout: 10,
    connection_lost: 5,
    internal_error: 10,
    server_shutdown: 5,
  };

  it("there is a policy for each", () => {
    assert.deepEqual(Object.keys(POLICIES).sort(), [...FINAL, ...Object.keys(PASSING)].sort());
    for (const policy of Object.values(POLICIES)) assert.ok(policy.why);
  });

  for (const code of FINAL) {
    it(`${code}, it stays closed and says why`, () => {
      const world = makeClient();
      world.client.connect();
      world.socket.open();
      world.socket.refuse(code, 1011);
      const [closed] = world.events("closed");
      assert.equal(closed.final, true);
      assert.equal(closed.error.code, code);
      assert.equal(world.client.state, "closed");
      assert.equal(world.clock.timers.size, 0);
      world.client.reconnectNow();
      world.clock.advance(3600);
      assert.equal(world.sockets.length, 1);
    });
  }

  for (const [code, wait] of Object.entries(PASSING)) {
    it(`${code}, it comes back in ${wait} s and the backoff`, () => {
      const world = makeClient();
      world.greeted().refuse(code, 1011);
      const [reconnecting] = world.events("reconnecting");
      assert.equal(reconnecting.retryIn, wait + 1);
      assert.equal(reconnecting.error.code, code);
      world.clock.advance(wait + 1);
      assert.equal(world.sockets.length, 2);
    });
  }

  it("comes back when the relay says", () => {
    for (const code of ["rate_limited", "server_shutdown"]) {
      const world = makeClient();
      world.greeted().refuse(code, 1008, { retry_after: 7 });
      assert.equal(world.events("reconnecting")[0].retryIn, 8);
      world.clock.advance(7.9);
      assert.equal(world.sockets.length, 1);
      world.clock.advance(0.1);
      assert.equal(world.sockets.length, 2);
    }
  });

  it("does not believe every time that it is told", () => {
    const told = (/** @type {string} */ retry_after) => {
      const world = makeClient({ random: () => 0 });
      const text = JSON.stringify({
        type: "error",
        data: { code: "server_shutdown", retry_after: "R" },
      });
      world.greeted().message(text.replace('"R"', retry_after));
      world.socket.lose(1012);
      return world.events("reconnecting")[0].retryIn;
    };
    assert.equal(told("-1"), 5);
    assert.equal(told('"soon"'), 5);
    assert.equal(told("null"), 5);
    assert.equal(told("1e999"), 24 * 60 * 60);
  });

  it("waits on for a streamer who is offline, if it was told to wait", () => {
    const world = makeClient({ wait: true });
    world.greeted().refuse("user_offline", 1011);
    assert.equal(world.events("reconnecting")[0].retryIn, 6);
  });

  it("goes by the close code if the error is a new one", () => {
    const ends = (/** @type {number} */ closeCode, /** @type {object} */ more = {}) => {
      const world = makeClient();
      world.greeted().refuse("of_next_year", closeCode, more);
      return world.client.state;
    };
    assert.equal(ends(1008), "closed");
    assert.equal(ends(1008, { retry_after: 3 }), "reconnecting");
    assert.equal(ends(1011), "reconnecting");
  });

  it("is not led astray by a code that is none", () => {
    for (const code of ["toString", "__proto__", { toString: 1 }, null, 7]) {
      const world = makeClient();
      world.greeted().refuse(code, 1011);
      assert.equal(world.client.state, "reconnecting");
    }
  });

  it("forgets it with the next connection", () => {
    const world = makeClient();
    world.greeted().refuse("tiktok_timeout", 1011);
    world.clock.advance(11);
    world.socket.open();
    world.socket.lose();
    assert.equal(world.events("reconnecting").at(-1).error, null);
  });

  it("can be connected again, and goes on where it was", () => {
    const world = makeClient();
    const socket = world.greeted();
    socket.comment(3);
    socket.refuse("user_offline", 1011);
    world.client.connect();
    assert.equal(world.client.state, "connecting");
    assert.equal(world.socket.url.searchParams.get("since"), "e-3");
    assert.deepEqual(world.events("connecting").at(-1), { attempt: 0 });
  });
});

describe("reconnectNow", () => {
  it("cuts a backoff short", () => {
    const world = makeClient({ backoff: { base: 30 } });
    world.greeted().lose();
    world.client.reconnectNow();
    world.clock.advance(0);
    assert.equal(world.sockets.length, 2);
    assert.equal(world.clock.timers.size, 1); // of the handshake, and of nothing else
  });

  it("does not cut short what the relay asked for", () => {
    const world = makeClient();
    world.greeted().refuse("rate_limited", 1008, { retry_after: 40 });
    world.clock.advance(10);
    world.client.reconnectNow();
    world.clock.advance(29.9);
    assert.equal(world.sockets.length, 1);
    world.clock.advance(0.1);
    assert.equal(world.sockets.length, 2);
  });

  it("asks an open socket for a sign of life, and waits for it", () => {
    const world = makeClient();
    const socket = world.greeted();
    world.client.reconnectNow();
    world.clock.advance(9);
    world.client.reconnectNow();
    assert.equal(socket.sent.length, 1);
    world.clock.advance(1);
    assert.equal(world.client.state, "reconnecting");
  });

  it("leaves an open socket that answers", () => {
    const world = makeClient();
    const socket = world.greeted();
    world.client.reconnectNow();
    socket.frame("pong", {}, { id: 1 });
    world.clock.advance(10);
    assert.equal(world.client.state, "open");
    assert.equal(world.sockets.length, 1);
  });

  it("starts a handshake anew that has been hanging", () => {
    const world = makeClient();
    world.client.connect();
    world.clock.advance(2);
    world.client.reconnectNow();
    assert.equal(world.sockets.length, 2);
    assert.deepEqual(world.sockets[0].closedWith, [undefined]);
    assert.deepEqual(world.events("connecting"), [{ attempt: 0 }, { attempt: 0 }]);
    world.sockets[0].open();
    assert.equal(world.client.state, "connecting");
    world.sockets[1].open();
    assert.equal(world.client.state, "open");
    assert.equal(world.clock.timers.size, 1);
  });

  it("leaves a handshake the time that it takes", () => {
    const world = makeClient();
    world.client.connect();
    for (let time = 0; time < 1.9; time += 0.1) {
      world.client.reconnectNow();
      world.clock.advance(0.1);
    }
    assert.equal(world.sockets.length, 1);
  });

  it("does nothing to a client that is not to be connected", () => {
    const world = makeClient();
    world.client.reconnectNow();
    assert.equal(world.sockets.length, 0);
  });
});

describe("A socket", () => {
  it("is asked for a sign of life after a silence", () => {
    const world = makeClient({ pingInterval: 20, pongTimeout: 5 });
    const socket = world.greeted();
    world.clock.advance(19.9);
    assert.deepEqual(socket.sent, []);
    world.clock.advance(0.1);
    assert.deepEqual(socket.sent, [{ type: "ping", id: 1 }]);
    socket.frame("pong", {}, { id: 1 });
    world.clock.advance(20);
    assert.deepEqual(socket.sent.at(-1), { type: "ping", id: 2 });
  });

  it("is dropped when none comes, and the client goes on at its cursor", () => {
    const world = makeClient({ pingInterval: 20, pongTimeout: 5 });
    const socket = world.greeted();
    socket.comment(4);
    world.clock.advance(25);
    assert.deepEqual(socket.closedWith, [undefined]);
    assert.deepEqual(world.events("closed"), [{ code: 1006, error: null, final: false }]);
    world.clock.advance(1);
    assert.equal(world.socket.url.searchParams.get("since"), "e-4");
  });

  it("is dropped when the relay said no and the close never came", () => {
    const world = makeClient();
    world.greeted().frame("error", { code: "token_revoked" });
    world.clock.advance(35);
    assert.equal(world.events("closed")[0].error.code, "token_revoked");
    assert.equal(world.client.state, "closed");
  });

  it("is not asked while frames come", () => {
    const world = makeClient();
    const socket = world.greeted();
    for (let number = 1; number <= 10; number += 1) {
      world.clock.advance(20);
      socket.comment(number);
    }
    assert.deepEqual(socket.sent, []);
  });

  it("lives if another frame comes before the pong", () => {
    const world = makeClient();
    const socket = world.greeted();
    world.clock.advance(30);
    assert.equal(socket.sent.length, 1);
    socket.comment(1);
    world.clock.advance(9);
    assert.equal(world.client.state, "open");
  });
});
