import assert from "node:assert/strict";
import { describe, it } from "node:test";

/** What pages have, and Node has not. @type {Record<string, any>} */
const page = globalThis;
page.gettext = (/** @type {string} */ text) => text;
page.interpolate = (/** @type {string} */ text, /** @type {Record<string, unknown>} */ values) =>
  text.replace(/%\((\w+)\)s/g, (_whole, name) => String(values[name]));

const { sayLooks } = await import("../../live/static/live/console/look-times.js");
const duration = (/** @type {number} */ seconds) => `${seconds} s`;

describe("The looks for a LIVE that is awaited", () => {
  const NOW = 1_000_000;

  it("are told as seconds before and ahead", () => {
    const times = { lookedAt: NOW - 12_400, nextLookAt: NOW + 47_600 };
    assert.equal(sayLooks(times, NOW, duration), "last look 12 s ago, next in 48 s");
  });

  it("are told as far as they are known", () => {
    assert.equal(sayLooks({ lookedAt: null, nextLookAt: null }, NOW, duration), "");
    assert.equal(sayLooks({ lookedAt: NOW, nextLookAt: null }, NOW, duration), "last look 0 s ago");
    assert.equal(sayLooks({ lookedAt: null, nextLookAt: NOW + 5000 }, NOW, duration), "next look in 5 s");
  });

  it("are happening once their time has come", () => {
    assert.equal(sayLooks({ lookedAt: NOW - 60_000, nextLookAt: NOW - 1 }, NOW, duration), "looking now…");
  });
});
