import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";

import { makeClient } from "./fakes.js";

/** @typedef {import("../../live/static/live/relay-client.js").Frame} Frame */

/** The frames that handlers of a type have got. @param {import("./fakes.js").World} world @param {string} type */
function heard(world, type) {
  /** @type {Frame[]} */
  const frames = [];
  world.client.on(type, (frame) => frames.push(frame));
  return frames;
}

describe("Frames", () => {
  it("reach the handlers of their type, and those of all", () => {
    const world = makeClient();
    const comments = heard(world, "comment");
    const gifts = heard(world, "gift");
    const socket = world.greeted();
    socket.comment(1);
    assert.deepEqual(comments, [
      { type: "comment", ts: 1, cursor: "e-1", id: "1", data: { text: "1" } },
    ]);
    assert.deepEqual(gifts, []);
    assert.deepEqual(
      world.events("frame").map(({ type }) => type),
      ["connected", "comment"],
    );
  });

  it("come out of their batch, in order", () => {
    const world = makeClient();
    const batches = heard(world, "batch");
    const socket = world.greeted();
    /** @type {Frame[]} */
    const events = [1, 2].map((number) => ({
      type: "comment",
      ts: 1,
      cursor: `e-${number}`,
      id: `${number}`,
      data: {},
    }));
    events.push({ type: "gap", ts: 1, cursor: "e-9", data: { side: "upstream" } });
    socket.frame("batch", { events });
    assert.deepEqual(world.events("frame").slice(1), events);
    assert.deepEqual(batches, []);
    assert.equal(world.client.cursor, "e-9");
  });

  it("tell of gaps", () => {
    const world = makeClient();
    const gaps = heard(world, "gap");
    world.greeted().frame("gap", { side: "client", missed: { gift: 2 } }, { cursor: "f-7" });
    assert.deepEqual(gaps[0].data.missed, { gift: 2 });
    assert.equal(world.client.cursor, "f-7");
  });

  it("of types that nobody knows yet are frames like others", () => {
    const world = makeClient();
    const frames = heard(world, "hologram");
    world.greeted().frame("hologram", {}, { cursor: "e-5" });
    assert.equal(frames.length, 1);
    assert.equal(world.client.cursor, "e-5");
  });

  it("keep 64-bit ids as they are", () => {
    const world = makeClient();
    const frames = heard(world, "comment");
    world.greeted().frame("comment", {}, { id: "18446744073709551615" });
    assert.equal(frames[0].id, "18446744073709551615");
  });
});

describe("A malformed message", () => {
  for (const [what, message] of [
    ["no JSON", "{"],
    ["an empty text", ""],
    ["no object", "[1]"],
    ["null", "null"],
    ["without a type", '{"data":{}}'],
    ["with a type that is no text", '{"type":1,"data":{}}'],
    ["without data", '{"type":"comment"}'],
    ["with data that is no object", '{"type":"comment","data":"x"}'],
    ["a batch without events", '{"type":"batch","data":{}}'],
    ["a batch without data", '{"type":"batch"}'],
    ["a batch of nothing that is one", '{"type":"batch","data":{"events":[null]}}'],
    ["a batch in a batch", '{"type":"batch","data":{"events":[{"type":"batch","data":{}}]}}'],
    ["one that passes for the client's own", '{"type":"closed","data":{"final":true}}'],
    ["binary", new ArrayBuffer(3)],
    ["nested deeper than any stack", "[".repeat(200_000)],
  ]) {
    it(`is reported and hurts nobody: ${what}`, () => {
      const world = makeClient();
      const socket = world.greeted();
      const before = world.log.length;
      socket.message(message);
      assert.deepEqual(
        world.log.slice(before).map(([type]) => type),
        ["malformed"],
      );
      assert.equal(typeof world.events("malformed")[0].reason, "string");
      socket.comment(1);
      assert.equal(world.client.cursor, "e-1");
    });
  }

  it("spoils only itself in a batch", () => {
    const world = makeClient();
    const comments = heard(world, "comment");
    const good = { type: "comment", ts: 1, data: {} };
    world.greeted().frame("batch", { events: [good, { type: "comment" }, good] });
    assert.equal(comments.length, 2);
    assert.deepEqual(world.events("malformed")[0].message, { type: "comment" });
  });

  it("does not move the cursor", () => {
    const world = makeClient();
    const socket = world.greeted();
    socket.frame("comment", {}, { cursor: 7 });
    socket.frame("connected", { cursor: { no: "text" } });
    assert.equal(world.client.cursor, "e-0");
  });
});

describe("The cursor", () => {
  it("is that of the newest frame, seen already by its handlers", () => {
    const world = makeClient();
    /** @type {(string | null)[]} */
    const seen = [];
    world.client.on("frame", () => seen.push(world.client.cursor));
    const socket = world.greeted();
    socket.comment(1);
    socket.frame("pong");
    socket.comment(2);
    assert.deepEqual(seen, ["e-0", "e-1", "e-1", "e-2"]);
  });

  it("is where a new connection goes on", () => {
    const world = makeClient();
    const socket = world.greeted();
    socket.comment(1);
    socket.lose();
    world.clock.advance(1);
    assert.equal(world.socket.url.searchParams.get("since"), "e-1");
  });

  it("can be one that was stored", () => {
    const world = makeClient({ since: "e-41" });
    assert.equal(world.client.cursor, "e-41");
    world.client.connect();
    assert.equal(world.socket.url.searchParams.get("since"), "e-41");
  });

  it("is sent as it is, whatever it is made of", () => {
    const world = makeClient({ since: "a&b=c #%" });
    world.client.connect();
    assert.equal(world.socket.url.searchParams.get("since"), "a&b=c #%");
  });
});

describe("Handlers", () => {
  it("can be taken off", () => {
    const world = makeClient();
    /** @type {string[]} */
    const calls = [];
    const first = () => calls.push("first");
    world.client.on("comment", first);
    const takeOff = world.client.on("comment", () => calls.push("second"));
    const socket = world.greeted();
    socket.comment(1);
    world.client.off("comment", first);
    world.client.off("gift", first);
    takeOff();
    takeOff();
    socket.comment(2);
    assert.deepEqual(calls, ["first", "second"]);
  });

  it("are called once, however often they were added", () => {
    const world = makeClient();
    const handler = mock.fn();
    world.client.on("comment", handler);
    world.client.on("comment", handler);
    world.greeted().comment(1);
    assert.equal(handler.mock.callCount(), 1);
  });

  it("may come and go while they are called", () => {
    const world = makeClient();
    /** @type {string[]} */
    const calls = [];
    const takeOff = world.client.on("comment", () => {
      takeOff();
      world.client.on("comment", () => calls.push("late"));
    });
    world.client.on("comment", () => calls.push("other"));
    const socket = world.greeted();
    socket.comment(1);
    assert.deepEqual(calls, ["other"]);
    socket.comment(2);
    assert.deepEqual(calls, ["other", "other", "late"]);
  });

  it("that throw are reported, and hurt neither the client nor others", async (test) => {
    const report = test.mock.method(console, "error", () => {});
    const world = makeClient();
    const fault = new Error("a handler's fault");
    /** @type {string[]} */
    const others = [];
    for (const type of ["connecting", "open", "comment", "closed", "reconnecting"]) {
      world.client.on(type, () => {
        throw fault;
      });
      world.client.on(type, async () => {
        throw fault;
      });
      world.client.on(type, () => others.push(type));
    }
    const socket = world.greeted();
    socket.comment(1);
    socket.lose();
    world.clock.advance(1);
    assert.equal(world.sockets.length, 2);
    await new Promise(setImmediate);
    assert.deepEqual(
      others,
      ["connecting", "open", "comment", "closed", "reconnecting", "connecting"],
    );
    assert.equal(report.mock.callCount(), 12);
    assert.ok(report.mock.calls.every((call) => call.arguments[0] === fault));
  });
});
