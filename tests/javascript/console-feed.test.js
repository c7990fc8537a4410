import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { deletedBy, groupOf, isShown, Kept, MAX_ITEMS } from "../../live/static/live/console/kept.js";
import { Match } from "../../live/static/live/console/match.js";
import { canRetryNow, remedyOf } from "../../live/static/live/console/remedies.js";
import { Rolling } from "../../live/static/live/console/rolling.js";
import { RunningGifts } from "../../live/static/live/console/running.js";

const ANN = { id: "1", nickname: "Ann" };
const BOB = { id: "2", nickname: "Bob" };
let ids = 0;

/** @param {string} type @param {Record<string, any>} data @param {number} [ts] */
function frame(type, data = {}, ts = 0) {
  return { type, ts, id: String(++ids), data };
}

describe("Rolled lines", () => {
  it("count up in place, with the latest name", () => {
    const rolling = new Rolling();
    rolling.take(frame("join", { user: ANN }, 0));
    rolling.take(frame("join", { user: BOB }, 1000));
    assert.deepEqual(rolling.lines.join, { user: BOB, count: 2, isOne: false, at: 1000 });
    assert.equal(rolling.lines.like, null);
  });

  it("add the likes of one person, and of several", () => {
    const rolling = new Rolling();
    for (const count of [5, 7]) rolling.take(frame("like", { user: ANN, count }));
    assert.deepEqual(rolling.lines.like, { user: ANN, count: 12, isOne: true, at: 0 });
    rolling.take(frame("like", { user: BOB, count: 3 }));
    assert.deepEqual(rolling.lines.like, { user: BOB, count: 15, isOne: false, at: 0 });
  });

  it("count what the relay has merged", () => {
    const rolling = new Rolling();
    rolling.take(frame("join", { user: ANN, merged: 4 }));
    rolling.take(frame("join", { user: BOB }));
    assert.equal(rolling.lines.join?.count, 5);
  });

  it("begin anew after half a minute without another", () => {
    const rolling = new Rolling();
    rolling.take(frame("join", { user: ANN }, 0));
    rolling.take(frame("join", { user: BOB }, 30_001));
    assert.equal(rolling.lines.join?.count, 1);
  });

  it("leave other frames to others", () => {
    assert.equal(new Rolling().take(frame("comment", { user: ANN })), false);
  });
});

describe("What the feed keeps", () => {
  it("is shown in the order in which it came", () => {
    const kept = new Kept();
    const frames = ["comment", "gift", "follow", "share", "question"].map((type) => frame(type));
    for (const each of frames) kept.add(each);
    assert.deepEqual(kept.newest("all").map((item) => item.frame), frames);
    assert.deepEqual(kept.newest("comments").map((item) => item.frame.type), ["comment", "question"]);
  });

  it("is bounded, and a flood of comments leaves gifts alone", () => {
    const kept = new Kept();
    kept.add(frame("gift"));
    for (let n = 0; n < 3 * MAX_ITEMS; n++) kept.add(frame("comment", { n }));
    assert.equal(kept.newest("gifts").length, 1);
    assert.equal(kept.newest("all").length, MAX_ITEMS);
    assert.equal(kept.newest("comments").at(-1)?.frame.data.n, 3 * MAX_ITEMS - 1);
  });

  it("loses what moderators delete, and all that somebody wrote", () => {
    const kept = new Kept();
    const rude = frame("comment", { user: ANN });
    const kind = frame("comment", { user: { id: "3" } });
    for (const each of [rude, kind, frame("question", { user: BOB }), frame("gift", { user: BOB })]) {
      kept.add(each);
    }
    kept.remove(deletedBy({ message_ids: [rude.id], user_ids: ["2"] }));
    assert.deepEqual(kept.newest("all").map((item) => item.frame.type), ["comment", "gift"]);
    assert.equal(kept.has(rude.id), false);
    assert.equal(kept.has(kind.id), true);
  });

  it("is in one group each, and only all has the rest", () => {
    assert.equal(groupOf("emote"), "comments");
    assert.equal(groupOf("constructor"), "others");
    assert.ok(isShown("all", "rank"));
    assert.ok(!isShown("gifts", "rank"));
    assert.ok(isShown("follows", "follow"));
  });
});

describe("Gifts over the feed", () => {
  /** @param {string} group @param {string | null} streak @param {number} count */
  const gift = (group, streak, count = 1) =>
    frame("gift", { user: ANN, gift: { id: "5655" }, group_id: group, streak, count });

  it("are two at most, the newest", () => {
    const running = new RunningGifts();
    for (const group of ["a", "b", "c"]) running.take(gift(group, "ongoing"), 0);
    assert.deepEqual(running.shown(0).map((each) => each.frame.data.group_id), ["b", "c"]);
  });

  it("stay in their place while they count up", () => {
    const running = new RunningGifts();
    running.take(gift("a", "ongoing", 1), 0);
    running.take(gift("b", "ongoing", 1), 0);
    running.take(gift("a", "ongoing", 2), 100);
    assert.deepEqual(running.shown(100).map((each) => each.frame.data.count), [2, 1]);
  });

  it("go a moment after their end", () => {
    const running = new RunningGifts();
    running.take(gift("a", "ended", 3), 0);
    running.take(gift("b", null), 1000);
    assert.equal(running.shown(3999).length, 2);
    assert.equal(running.shown(4001).length, 1);
    assert.equal(running.shown(5001).length, 0);
  });
});

describe("A battle", () => {
  const START = {
    id: "9",
    state: "started",
    teams: [
      { id: "b", hosts: [{ id: "2", username: "rival", nickname: "Rival" }], score: 0, top: [] },
      { id: "a", hosts: [{ id: "1", username: "anna", nickname: "Anna" }], score: 0, top: [] },
    ],
  };

  it("is put together of names and scores, the streamer first", () => {
    const match = new Match();
    match.take(START, "anna");
    assert.deepEqual(match.shares, [0.5, 0.5]);
    const scores = [{ id: "b", hosts: [{ id: "2" }], score: 10 }, { id: "a", hosts: [], score: 30 }];
    match.take({ id: "9", state: "scores", teams: scores }, "anna");
    assert.deepEqual(match.teams.map(({ name, score }) => [name, score]), [["Anna", 30], ["Rival", 10]]);
    assert.deepEqual(match.shares, [0.75, 0.25]);
    assert.ok(match.isOn);
  });

  it("is over once it was played, and another has no scores of it", () => {
    const match = new Match();
    match.take(START, "anna");
    match.take({ id: "9", state: "punishment_ended", teams: [] }, "anna");
    assert.ok(!match.isOn);
    match.take({ ...START, id: "10" }, "anna");
    assert.deepEqual(match.teams.map(({ score }) => score), [0, 0]);
  });
});

describe("What helps against an error", () => {
  it("is a page where it can be mended", () => {
    assert.equal(remedyOf("username_missing"), "account");
    assert.equal(remedyOf("rate_limited", 3000), "api-key");
    assert.equal(remedyOf("token_revoked"), "reload");
  });

  it("is another attempt at once, unless that fails for certain", () => {
    assert.equal(remedyOf("connection_lost"), "retry");
    assert.equal(remedyOf("sign_unavailable", 30), null);
    assert.equal(remedyOf("tiktok_blocked"), null);
    assert.equal(remedyOf("disconnected"), null);
    assert.equal(remedyOf("of a newer relay"), null);
    assert.ok(canRetryNow(""));
    assert.ok(!canRetryNow("rate_limited"));
  });
});
