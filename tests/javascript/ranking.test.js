import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { rank } from "../../live/static/live/docs/ranking.js";

/** @type {import("../../live/static/live/docs/ranking.js").Entry[]} */
const ENTRIES = [
  ["Gifts", "The REST API", "/docs/rest/#gifts", ""],
  ["gift", "frame", "#frame-gift", "A streak is many gifts of one group."],
  ["gift", "field of goal", "#part-Goal-gift", "What is to be sent."],
  ["to_gift", "field of nothing", "#made-up", ""],
  ["live_end", "frame", "#frame-live_end", "`reason` is TikTok's word."],
  ["rate_limited", "error", "#error-rate_limited", "Слишком много подключений."],
  ["types", "option of the socket", "#option-types", "Only these, separated by commas."],
];

/** @param {string} query */
function found(query, most = 10) {
  return rank(ENTRIES, query, most).map(([, , address]) => address);
}

describe("The documentation's search", () => {
  it("finds what is called so first, then what begins so, then what contains it", () => {
    const gifts = ["#frame-gift", "#part-Goal-gift", "/docs/rest/#gifts", "#made-up"];
    assert.deepEqual(found("gift"), gifts);
  });

  it("needs every word, in whatever order and place", () => {
    assert.deepEqual(found("goal gift"), ["#part-Goal-gift"]);
    assert.deepEqual(found("gift nowhere"), []);
  });

  it("takes the words of a name by themselves", () => {
    assert.deepEqual(found("live end"), ["#frame-live_end"]);
    assert.deepEqual(found("end"), ["#frame-live_end"]);
  });

  it("finds words of what something says, from their beginning", () => {
    assert.deepEqual(found("подкл"), ["#error-rate_limited"]);
    assert.deepEqual(found("rate"), ["#error-rate_limited"]); // and not "separated"
  });

  it("makes no difference of capitals", () => {
    assert.deepEqual(found("GIFT"), found("gift"));
  });

  it("finds nothing without a word", () => {
    assert.deepEqual(found("  "), []);
  });

  it("gives no more than it is asked for", () => {
    assert.deepEqual(found("gift", 1), ["#frame-gift"]);
  });
});
