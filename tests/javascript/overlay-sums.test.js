import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Sums } from "../../live/static/live/overlays/sums.js";

/** @type {Sums} */
let sums;
let offset = 0;

beforeEach(() => {
  sums = new Sums();
  offset = 0;
});

/** @param {string} type @param {Record<string, any>} data */
function take(type, data) {
  offset += 1;
  sums.take({ type, ts: 0, cursor: `abc-${offset}`, data });
}

/** @param {Record<string, any>} [change] */
function connect({ room = "7", at = 0, resumed = false, snapshot = {}, counts = undefined, epoch = "abc" } = {}) {
  offset = at;
  const data = {
    room_id: room,
    cursor: `${epoch}-${at}`,
    resumed,
    counts,
    snapshot: { viewers: null, likes: null, gifts: [], top: [], comments: [], ...snapshot },
  };
  sums.take({ type: "connected", ts: 0, data });
}

/** @param {number} diamonds @param {string | null} [streak] @param {string} [user] */
function gift(diamonds, streak = null, user = "u", group = "1") {
  return { user: { id: user }, gift: { id: "g" }, streak, group_id: group, diamonds_total: diamonds };
}

/** What the server has counted up to there. @param {number} at @param {Record<string, any>} [counted] */
function base(at, counted = {}) {
  const zero = { diamonds: 0, follows: 0, shares: 0, comments: 0, likes: 0, top: [] };
  return { epoch: "abc", offset: at, ...zero, ...counted };
}

describe("The sums of a LIVE", () => {
  it("are right at once from the snapshot", () => {
    connect({
      snapshot: { viewers: 40, likes: 3000, top: [{ user: { id: "a" }, diamonds: 12 }] },
      counts: { followers: 999 },
    });
    assert.deepEqual([sums.viewers, sums.likes, sums.followers], [40, 3000, 999]);
    assert.deepEqual(sums.top(3).map(({ diamonds }) => diamonds), [12]);
  });

  it("count each gift once, and a streak while it goes on", () => {
    connect();
    take("gift", gift(5, "ongoing"));
    assert.equal(sums.diamonds, 5);
    take("gift", gift(10, "ongoing"));
    assert.equal(sums.diamonds, 10);
    take("gift", gift(10, "ended"));
    assert.equal(sums.diamonds, 10);
    take("gift", gift(300));
    assert.equal(sums.diamonds, 310);
  });

  it("take streaks that go on from the snapshot", () => {
    connect({ snapshot: { gifts: [{ data: gift(7, "ongoing") }] } });
    assert.equal(sums.diamonds, 7);
    take("gift", gift(9, "ended"));
    assert.equal(sums.diamonds, 9);
  });

  it("follow TikTok's own counts, and never go back", () => {
    connect({ counts: { followers: 10 } });
    take("like", { count: 5, total: 500 });
    take("like", { count: 5, total: 400 });
    take("viewers", { count: 30 });
    take("viewers", { count: 20 });
    take("follow", { user: { id: "u" } });
    assert.deepEqual([sums.likes, sums.viewers, sums.followers], [500, 20, 11]);
  });

  it("say that the followers are not known if TikTok does not", () => {
    connect();
    take("follow", { user: { id: "u" } });
    assert.deepEqual([sums.followers, sums.follows], [null, 1]);
  });

  it("begin with what the server has counted, and add what came behind that", () => {
    connect({ at: 100 });
    take("gift", gift(1)); // 101
    take("follow", {}); // 102
    take("gift", gift(2)); // 103
    assert.equal(sums.use(base(102, { diamonds: 1001, follows: 11 })), true);
    assert.deepEqual([sums.diamonds, sums.follows, sums.isWhole], [1003, 11, true]);
    take("gift", gift(4));
    assert.equal(sums.diamonds, 1007);
  });

  it("wait for the server to have counted up to the place where the page was opened", () => {
    connect({ at: 100 });
    take("gift", gift(1));
    assert.equal(sums.use(base(99, { diamonds: 1000 })), false);
    assert.equal(sums.isWhole, false);
    assert.equal(sums.use(base(100, { diamonds: 1005 })), true);
    assert.equal(sums.diamonds, 1006);
  });

  it("are at least what the server has counted, as long as it is behind", () => {
    connect({ at: 100, snapshot: { top: [{ user: { id: "a" }, diamonds: 12 }] } });
    take("gift", gift(3, null, "a")); // 101
    take("follow", {}); // 102
    const top = [{ user: { id: "a" }, diamonds: 700 }, { user: { id: "b" }, diamonds: 300 }];
    assert.equal(sums.use(base(90, { diamonds: 1000, follows: 20, likes: 44, top })), false);
    assert.deepEqual([sums.diamonds, sums.follows, sums.likes], [1003, 21, 44]);
    assert.deepEqual(sums.top(2).map(({ diamonds }) => diamonds), [703, 300]);
    take("gift", gift(5, null, "b")); // 103
    assert.equal(sums.diamonds, 1008);
    assert.equal(sums.isWhole, false);
    assert.equal(sums.use(base(102, { diamonds: 1013, follows: 21 })), true);
    assert.deepEqual([sums.diamonds, sums.follows, sums.isWhole], [1018, 21, true]);
  });

  it("never sink while the server is behind", () => {
    connect({ at: 100 });
    sums.use(base(100, { diamonds: 50 }));
    take("gift", gift(10)); // 101
    offset = 140;
    sums.take({ type: "gap", ts: 0, data: { cursor: "abc-140" } });
    assert.equal(sums.use(base(90, { diamonds: 45 })), false);
    assert.equal(sums.diamonds, 60);
  });

  it("take of another log what is certain, and wait for their own", () => {
    connect({ at: 100 });
    take("gift", gift(7)); // 101
    assert.equal(sums.use({ ...base(200, { diamonds: 1000 }), epoch: "old" }), false);
    assert.equal(sums.diamonds, 1000);
    assert.equal(sums.use(base(101, { diamonds: 1007 })), true);
    assert.equal(sums.diamonds, 1007);
  });

  it("can still become right when the server has been behind for very long", () => {
    connect({ at: 100 });
    for (let n = 0; n < 25_000; n += 1) take("share", {});
    assert.equal(sums.use(base(100, { shares: 9 })), false);
    assert.equal(sums.use(base(offset, { shares: 25_009 })), true);
    take("share", {});
    assert.equal(sums.shares, 25_010);
  });

  it("use what the server has counted once", () => {
    connect({ at: 100 });
    sums.use(base(100, { diamonds: 50 }));
    take("gift", gift(1));
    sums.use(base(101, { diamonds: 51 }));
    assert.equal(sums.diamonds, 51);
  });

  it("keep the order of the gifters with what the server has counted", () => {
    connect({ at: 100 });
    take("gift", gift(60, null, "b"));
    const top = [{ user: { id: "a" }, diamonds: 50 }, { user: { id: "b" }, diamonds: 20 }];
    sums.use(base(100, { diamonds: 70, top }));
    const order = sums.top(5).map(({ user, diamonds }) => [user.id, diamonds]);
    assert.deepEqual(order, [["b", 80], ["a", 50]]);
  });

  it("go on over a break, and count nothing twice", () => {
    connect({ at: 100 });
    take("gift", gift(5));
    connect({ at: 101, resumed: true });
    take("gift", gift(6));
    assert.equal(sums.diamonds, 11);
  });

  it("begin with the server's count again after something was missed", () => {
    connect({ at: 100 });
    sums.use(base(100, { diamonds: 50 }));
    take("gift", gift(1)); // 101
    offset = 140;
    sums.take({ type: "gap", ts: 0, data: { cursor: "abc-140" } });
    take("gift", gift(2)); // 141
    assert.equal(sums.use(base(139, { diamonds: 90 })), false);
    assert.equal(sums.use(base(141, { diamonds: 102 })), true);
    assert.equal(sums.diamonds, 102);
  });

  it("begin anew with the next LIVE", () => {
    connect();
    take("gift", gift(5));
    take("like", { count: 1, total: 900 });
    connect({ room: "8", at: 10 });
    assert.deepEqual([sums.diamonds, sums.likes, sums.top(3)], [0, 0, []]);
  });

  it("remember so many streaks that go on and no more: the oldest count as ended", () => {
    connect();
    for (let n = 0; n < 600; n += 1) take("gift", gift(2, "ongoing", `user-${n}`));
    assert.equal(sums.diamonds, 1200);
    // Diamonds are a gifter's once the streak has ended.
    assert.deepEqual(
      sums.top(1000).map(({ user }) => user.id),
      Array.from({ length: 100 }, (_, n) => `user-${n}`),
    );
    take("gift", gift(3, "ended", "user-599"));
    assert.equal(sums.diamonds, 1201);
  });

  it("remember so many gifters and no more, and those who gave most", () => {
    connect();
    for (let n = 0; n < 3000; n += 1) take("gift", gift(n === 0 ? 1e6 : 1, null, `user-${n}`));
    assert.equal(sums.top(1)[0].user.id, "user-0");
    assert.ok(sums.top(10_000).length <= 500);
    assert.equal(sums.diamonds, 1e6 + 2999);
  });
});
