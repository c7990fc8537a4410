import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Sums } from "../../live/static/live/console/sums.js";
import { Trail } from "../../live/static/live/console/trail.js";

const NOTHING = { viewers: null, likes: null, diamonds: null, gifts: [], top: [], comments: [] };

/** @param {Record<string, unknown>} snapshot @param {Record<string, unknown>} [data] */
function connected(snapshot, data = {}) {
  return { type: "connected", ts: 0, data: { snapshot: { ...NOTHING, ...snapshot }, ...data } };
}

/** @param {string | null} streak @param {number} diamonds */
function gift(streak, diamonds) {
  return { type: "gift", ts: 0, data: { streak, diamonds_total: diamonds } };
}

describe("The console's sums", () => {
  it("go on from the relay's", () => {
    const sums = new Sums();
    sums.take(connected({ viewers: 7, likes: 90, diamonds: 4000 }));
    for (const frame of [gift("ongoing", 5), gift("ended", 15), gift(null, 100)]) sums.take(frame);
    sums.take({ type: "like", ts: 0, data: { total: 95 } });
    sums.take({ type: "viewers", ts: 0, data: { count: 9 } });
    assert.deepEqual([sums.viewers, sums.likes, sums.diamonds], [9, 95, 4115]);
  });

  it("are unknown until the relay tells", () => {
    const sums = new Sums();
    sums.take(connected({ diamonds: undefined }));
    sums.take(gift(null, 100));
    assert.equal(sums.diamonds, null);
  });

  it("count a replay once", () => {
    const sums = new Sums();
    sums.take(connected({ diamonds: 4000 }));
    sums.take(gift(null, 100));
    sums.take(connected({}, { resumed: true })); // what was missed comes next
    sums.take(gift(null, 20));
    assert.equal(sums.diamonds, 4120);
    sums.take(connected({ diamonds: 5000 }, { resumed: true })); // nothing was missed
    assert.equal(sums.diamonds, 5000);
  });

  it("say since when they are heard, where the relay came late", () => {
    const sums = new Sums();
    sums.take(connected({}, { heard_since: 1_795_372_811_123 }));
    assert.equal(sums.heardSince, 1_795_372_811_123);
    sums.take(connected({}));
    assert.equal(sums.heardSince, null);
  });

  it("take the room's counts where the relay has seen none itself", () => {
    const sums = new Sums();
    sums.take(connected({}, { counts: { viewers: 12, likes: 340 } }));
    assert.deepEqual([sums.viewers, sums.likes], [12, 340]);
  });

  it("never lose likes to a frame that comes late", () => {
    const sums = new Sums();
    for (const total of [50, 40]) sums.take({ type: "like", ts: 0, data: { total } });
    assert.equal(sums.likes, 50);
  });
});

describe("The curve of viewers", () => {
  it("goes from the first to the newest, and from the fewest to the most", () => {
    const trail = new Trail();
    for (const [at, count] of [[0, 10], [10_000, 30], [20_000, 20]]) trail.add(count, at);
    assert.equal(trail.points(60, 20), "0,20 30,0 60,10");
  });

  it("is flat where nothing changes, and needs two points", () => {
    const trail = new Trail();
    trail.add(10, 0);
    assert.equal(trail.points(60, 20), "");
    trail.add(10, 10_000);
    assert.equal(trail.points(60, 20), "0,10 60,10");
  });

  it("has the last ten minutes, however much comes", () => {
    const trail = new Trail();
    for (let second = 0; second < 3600; second++) trail.add(second, second * 1000);
    const points = trail.points(60, 20).split(" ");
    assert.equal(points.length, 60);
    assert.equal(points[0], "0,20");
  });
});
