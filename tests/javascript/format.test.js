import assert from "node:assert/strict";
import { describe, it } from "node:test";

/** What pages have, and Node has not. @type {Record<string, any>} */
const page = globalThis;
page.gettext = (/** @type {string} */ text) => text;
page.interpolate = (/** @type {string} */ text, /** @type {Record<string, unknown>} */ values) =>
  text.replace(/%\((\w+)\)s/g, (_whole, name) => String(values[name]));

/**
 * The module as a page in that language has it: imported anew.
 *
 * @param {"en" | "ru"} language
 * @returns {Promise<typeof import("../../static/shared/format.js")>}
 */
async function formatsIn(language) {
  page.document = { documentElement: { lang: language } };
  return import(`../../static/shared/format.js?${language}`);
}

const english = await formatsIn("en");
const russian = await formatsIn("ru");
/** 2026-11-25 13:04:05 UTC. */
const MOMENT = Date.UTC(2026, 10, 25, 13, 4, 5);

describe("Numbers", () => {
  it("are grouped as the language does", () => {
    assert.equal(english.number(329412), "329,412");
    assert.equal(russian.number(329412), "329\u00a0412");
  });

  it("are shortened only where they are long", () => {
    assert.equal(english.shortNumber(99_999), "99,999");
    assert.equal(english.shortNumber(329_412), "329.4K");
    assert.equal(english.shortNumber(1_250_000), "1.3M");
  });

  it("have no fraction of thousands where there is hardly any room", () => {
    assert.equal(english.briefNumber(99_999), "99,999");
    assert.equal(english.briefNumber(329_412), "329K");
    assert.equal(english.briefNumber(1_250_000), "1.3M");
    assert.equal(russian.briefNumber(329_412), "329\u00a0тыс.");
  });

  it("of a rate have a fraction while they are small", () => {
    assert.equal(english.rate(1.25), "1.3");
    assert.equal(english.rate(250.4), "250");
    assert.equal(russian.rate(0.5), "0,5");
  });

  it("of a rate that nobody knows are a dash", () => {
    assert.equal(english.rate(null), "–");
  });
});

describe("Times", () => {
  it("are of 24 hours, in every language", () => {
    const here = new Date(2026, 10, 25, 13, 4, 5).getTime(); // of this machine's clock
    for (const format of [english, russian]) {
      assert.equal(format.timeOfDay(here), "13:04");
      assert.equal(format.exactTimeOfDay(here), "13:04:05");
    }
  });

  it("in UTC say so", () => {
    assert.equal(english.utcMoment(new Date(MOMENT)), "Nov 25, 2026, 13:04:05 UTC");
  });

  it("have a zone, which is named with how far it is from UTC at that time of the year", () => {
    const before = process.env.TZ;
    try {
      process.env.TZ = "Europe/Berlin";
      assert.equal(russian.zone(new Date(MOMENT)), "Europe/Berlin, UTC+1");
      assert.equal(english.zone(new Date(Date.UTC(2026, 6, 1))), "Europe/Berlin, UTC+2");
      process.env.TZ = "UTC";
      assert.equal(english.zone(new Date(MOMENT)), "UTC");
    } finally {
      if (before === undefined) delete process.env.TZ;
      else process.env.TZ = before;
    }
  });

  it("here show the parts that a template asks for", () => {
    const date = new Date(2026, 10, 25, 13, 4); // of this machine's clock
    assert.equal(english.localMoment(date, "day"), "Nov 25, 2026");
    assert.equal(english.localMoment(date, "time"), "13:04");
    assert.equal(english.localMoment(date, "moment"), "Nov 25, 2026, 13:04");
    assert.equal(english.localMoment(date, "exact-time"), "13:04:00");
    assert.equal(english.localMoment(date, "exact-moment"), "Nov 25, 2026, 13:04:00");
    assert.throws(() => english.localMoment(date, "century"), RangeError);
  });
});

describe("Durations", () => {
  it("in words have the two largest units", () => {
    assert.equal(english.duration(0), "0 s");
    assert.equal(english.duration(59.9), "59 s");
    assert.equal(english.duration(60), "1 min 0 s");
    assert.equal(english.duration(3599), "59 min 59 s");
    assert.equal(english.duration(3600), "1 h 0 min");
    assert.equal(english.duration(90_061), "25 h 1 min");
  });

  it("of a LIVE are told as a stopwatch has them", () => {
    assert.equal(english.stopwatch(4325), "1:12:05");
    assert.equal(english.stopwatch(7.9), "0:07");
    assert.equal(english.stopwatch(-3), "0:00");
    assert.equal(english.stopwatch(36_000), "10:00:00");
  });
});
