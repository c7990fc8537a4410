import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { AlertQueue } from "../../live/static/live/overlays/queue.js";

const OPTIONS = {
  events: ["gift", "follow", "subscribe", "share"],
  threshold: 1,
  duration: 5,
  big: 500,
  big_duration: 10,
  late: 60,
};
let now = 1_000_000;
let ids = 0;
/** @type {AlertQueue} */
let queue;

beforeEach(() => {
  now = 1_000_000;
  queue = new AlertQueue({ ...OPTIONS }, () => now);
});

/** @param {Record<string, any>} [change] */
function gift({ name = "Rose", diamonds = 1, count = 1, streak = "ongoing", group = "1", ts = now } = {}) {
  ids += 1;
  const data = {
    user: { id: "u" },
    gift: { id: name, name, diamonds },
    count,
    streak,
    group_id: group,
    diamonds_total: diamonds * count,
  };
  return /** @type {any} */ ({ type: "gift", id: `id-${ids}`, ts, data });
}

/** @param {string} type */
function event(type, ts = now) {
  ids += 1;
  return /** @type {any} */ ({ type, id: `id-${ids}`, ts, data: { user: { id: "u" } } });
}

/** The alerts in the order in which they are shown, each to its end. */
function shown() {
  const all = [];
  for (let n = 0; n < 500; n += 1) {
    queue.next();
    if (!queue.current) break;
    all.push(queue.current);
    now = queue.endsAt;
  }
  return all;
}

describe("The queue of alerts", () => {
  it("shows one after the other, in their order", () => {
    for (const type of ["follow", "share", "subscribe"]) queue.add(event(type));
    assert.equal(queue.next(), true);
    assert.equal(queue.current?.type, "follow");
    now += 4_999;
    assert.equal(queue.next(), false);
    assert.equal(queue.current?.type, "follow");
    now += 1;
    assert.equal(queue.next(), true);
    assert.deepEqual(shown().map(({ type }) => type), ["share", "subscribe"]);
  });

  it("counts a streak up in its own alert", () => {
    queue.add(gift());
    queue.next();
    for (const count of [2, 3, 4]) assert.equal(queue.add(gift({ count })), true);
    queue.add(gift({ count: 4, streak: "ended" }));
    assert.equal(queue.current?.data.count, 4);
    assert.equal(queue.length, 0);
    assert.equal(shown().length, 1);
  });

  it("keeps an alert for a while after its streak has counted up", () => {
    queue.add(gift());
    queue.next();
    now += 4_900;
    queue.add(gift({ count: 2 }));
    now += 2_400;
    assert.equal(queue.next(), false);
    now += 200;
    assert.equal(queue.next(), true);
  });

  it("counts a streak up that still waits", () => {
    queue.add(event("follow"));
    queue.next();
    queue.add(gift());
    queue.add(gift({ count: 9, streak: "ended" }));
    assert.equal(queue.length, 1);
    now = queue.endsAt;
    queue.next();
    assert.equal(queue.current?.data.count, 9);
  });

  it("does not show a streak again that has been shown", () => {
    queue.add(gift({ count: 3 }));
    shown();
    queue.add(gift({ count: 3, streak: "ended" }));
    assert.equal(queue.length, 0);
  });

  it("shows a streak again that went on after its alert", () => {
    queue.add(gift({ count: 3 }));
    shown();
    queue.add(gift({ count: 8, streak: "ended" }));
    assert.deepEqual(shown().map(({ data }) => data.count), [8]);
  });

  it("does not count backwards", () => {
    queue.add(gift({ count: 5 }));
    queue.next();
    assert.equal(queue.add(gift({ count: 4 })), false);
    assert.equal(queue.current?.data.count, 5);
  });

  it("takes two single gifts for two", () => {
    queue.add(gift({ streak: null }));
    queue.add(gift({ streak: null }));
    assert.equal(shown().length, 2);
  });

  it("does not show the same single gift twice", () => {
    const same = gift({ streak: null });
    queue.add(same);
    shown();
    queue.add(same);
    assert.equal(shown().length, 0);
  });

  it("gives big gifts more time", () => {
    queue.add(gift({ diamonds: 500, streak: null }));
    queue.next();
    assert.equal(queue.endsAt - now, 10_000);
  });

  it("gives each less time while many wait", () => {
    for (let n = 0; n < 20; n += 1) queue.add(event("follow"));
    queue.next();
    assert.equal(queue.endsAt - now, 2_500);
  });

  it("leaves out what is not chosen, and gifts that are too small", () => {
    queue.options = { ...OPTIONS, events: ["gift"], threshold: 10 };
    queue.add(event("follow"));
    queue.add(gift({ diamonds: 9, streak: null }));
    assert.equal(queue.length, 0);
    queue.add(gift({ diamonds: 10, streak: null }));
    assert.equal(queue.length, 1);
  });

  it("shows a streak of small gifts once enough have come", () => {
    queue.options = { ...OPTIONS, threshold: 10 };
    queue.add(gift({ count: 9 }));
    assert.equal(queue.length, 0);
    queue.add(gift({ count: 10 }));
    assert.equal(queue.length, 1);
  });

  it("leaves out what comes late", () => {
    queue.add(event("follow", now - 60_001));
    assert.equal(queue.length, 0);
    queue.add(event("follow", now - 60_000));
    assert.equal(queue.length, 1);
  });

  it("leaves out what has waited for too long", () => {
    queue.options = { ...OPTIONS, late: 3 };
    queue.add(event("follow"));
    queue.add(event("share"));
    assert.deepEqual(shown().map(({ type }) => type), ["follow"]);
  });

  it("holds so many and no more, and keeps what is worth most", () => {
    queue.add(gift({ diamonds: 1000, streak: null }));
    for (let n = 0; n < 1000; n += 1) queue.add(event("follow"));
    queue.add(gift({ diamonds: 700, streak: null }));
    assert.equal(queue.length, 50);
    queue.options = { ...OPTIONS, late: 3600 };
    const gifts = shown().filter(({ type }) => type === "gift");
    assert.deepEqual(gifts.map(({ data }) => data.diamonds_total), [1000, 700]);
  });

  it("shows tests next, in their order, though others wait", () => {
    for (const type of ["follow", "share", "subscribe"]) queue.add(event(type));
    queue.next();
    queue.add({ ...event("share"), isTest: true });
    queue.add({ ...event("subscribe"), isTest: true });
    const all = shown();
    const types = ["follow", "share", "subscribe", "share", "subscribe"];
    assert.deepEqual(all.map(({ type }) => type), types);
    assert.deepEqual(all.map(({ isTest }) => isTest), [false, true, true, false, false]);
  });

  it("lets what is shown give way to a test once it could be read", () => {
    queue.add(gift({ diamonds: 500 }));
    queue.next();
    now += 1_000;
    queue.add({ ...event("follow"), isTest: true });
    queue.add(gift({ diamonds: 500, count: 2 }));
    assert.equal(queue.next(), false);
    now += 1_000;
    assert.equal(queue.next(), true);
    assert.equal(queue.current?.isTest, true);
    assert.equal(queue.endsAt - now, 5_000);
  });

  it("knows whether a test is shown or waits", () => {
    queue.add(event("follow"));
    queue.next();
    assert.equal(queue.isTesting, false);
    queue.add({ ...event("share"), isTest: true });
    assert.equal(queue.isTesting, true);
    now = queue.endsAt;
    queue.next();
    assert.equal(queue.isTesting, true);
    now = queue.endsAt;
    queue.next();
    assert.equal(queue.isTesting, false);
  });

  it("shows a test before all that waits, whatever is chosen", () => {
    queue.options = { ...OPTIONS, events: [], threshold: 1000 };
    queue.add({ ...gift(), isTest: true });
    queue.next();
    assert.equal(queue.current?.isTest, true);
  });
});
