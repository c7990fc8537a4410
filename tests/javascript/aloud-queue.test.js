import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Queue } from "../../live/static/live/aloud/queue.js";

/** @typedef {import("../../live/static/live/aloud/queue.js").Announcement} Announcement */
/** @typedef {import("../../live/static/live/aloud/queue.js").Kind} Kind */

const PLACES = 4;

function makeQueue() {
  return new Queue(({ gifts, diamonds }) => [{ text: `${gifts} for ${diamonds}` }], PLACES);
}

/** @param {Kind} kind @param {string} text @param {Partial<Announcement>} more @returns {Announcement} */
function make(kind, text, more = {}) {
  const given = kind === "gift" ? { gifts: 1, diamonds: 10 } : undefined;
  return { kind, event: kind, parts: [{ text }], given, ...more };
}

/** All that waits, said. @param {Queue} queue */
function said(queue) {
  const texts = [];
  for (let next = queue.next(); next; next = queue.next()) texts.push(next.parts[0].text);
  return texts;
}

describe("The queue of what is read aloud", () => {
  it("is read in the order in which things happened", () => {
    const queue = makeQueue();
    queue.add(make("comment", "one"));
    queue.add(make("gift", "two"));
    queue.add(make("follow", "three"));
    assert.deepEqual(said(queue), ["one", "two", "three"]);
    assert.equal(queue.next(), undefined);
  });

  it("drops the oldest comment when it is full", () => {
    const queue = makeQueue();
    queue.add(make("gift", "gift"));
    for (const text of ["one", "two", "three", "four"]) queue.add(make("comment", text));
    assert.deepEqual(said(queue), ["gift", "two", "three", "four"]);
  });

  it("drops comments before follows, and follows before subscriptions", () => {
    const queue = makeQueue();
    queue.add(make("subscribe", "subscribe"));
    queue.add(make("follow", "follow"));
    queue.add(make("comment", "comment"));
    for (const text of ["gift 1", "gift 2", "gift 3"]) queue.add(make("gift", text));
    assert.deepEqual(said(queue), ["subscribe", "gift 1", "gift 2", "gift 3"]);
  });

  it("drops a new comment where gifts alone wait", () => {
    const queue = makeQueue();
    for (const text of ["1", "2", "3", "4"]) queue.add(make("gift", text));
    queue.add(make("comment", "too late"));
    assert.deepEqual(said(queue), ["1", "2", "3", "4"]);
  });

  it("never drops a gift, and stays bounded", () => {
    const queue = makeQueue();
    for (let number = 1; number <= 100; number += 1) {
      queue.add(make("gift", `gift ${number}`));
      queue.add(make("comment", "noise"));
      assert.ok(queue.length <= PLACES);
    }
    assert.deepEqual(said(queue), ["gift 1", "gift 2", "gift 3", "97 for 970"]);
  });

  it("counts a streak with all its gifts", () => {
    const queue = makeQueue();
    for (let number = 1; number <= 3; number += 1) queue.add(make("gift", `gift ${number}`));
    queue.add(make("gift", "streak", { given: { gifts: 50, diamonds: 500 } }));
    queue.add(make("gift", "last"));
    assert.deepEqual(said(queue).at(-1), "51 for 510");
  });

  it("sums up anew after a sum was said", () => {
    const queue = makeQueue();
    for (let number = 1; number <= 5; number += 1) queue.add(make("gift", `gift ${number}`));
    assert.deepEqual(said(queue).at(-1), "2 for 20");
    for (let number = 6; number <= 10; number += 1) queue.add(make("gift", `gift ${number}`));
    assert.deepEqual(said(queue), ["gift 6", "gift 7", "gift 8", "2 for 20"]);
  });

  it("forgets what moderators delete, but no gift", () => {
    const queue = makeQueue();
    queue.add(make("comment", "rude", { id: "1", userId: "troll" }));
    queue.add(make("comment", "kind", { id: "2", userId: "maria" }));
    queue.add(make("comment", "buy", { id: "3", userId: "spammer" }));
    queue.add(make("gift", "a gift", { id: "4", userId: "spammer" }));
    queue.delete(["1"], ["spammer"]);
    assert.deepEqual(said(queue), ["kind", "a gift"]);
  });
});
