import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Aloud } from "../../live/static/live/aloud/aloud.js";
import { Filters } from "../../live/static/live/aloud/filters.js";
import { announcementOf, moreGifts } from "../../live/static/live/aloud/phrases.js";
import { ScreenLock } from "../../live/static/live/aloud/screen-lock.js";
import { Speaker } from "../../live/static/live/aloud/speaker.js";
import { voiceFor } from "../../live/static/live/aloud/voices.js";
import { makeComment, makeFrame, makeGift, makeSettings, makeUser } from "./aloud.js";
import { Clock } from "./fakes.js";

/** @typedef {import("../../live/static/live/aloud/settings.js").Settings} Settings */
/** @typedef {import("../../live/static/live/relay-client.js").Frame} Frame */

/** Let everything go on that waits for nothing but its turn. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** @param {Frame} frame @param {Partial<Settings>} changes */
function partsOf(frame, changes = {}) {
  const settings = makeSettings(changes);
  return announcementOf(frame, settings, new Filters(settings, () => 0))?.parts;
}

describe("What is said", () => {
  it("of a comment is who wrote it, and the text in its own language", () => {
    assert.deepEqual(partsOf(makeComment("привет", "Anna", { language: "ru" })), [
      { text: "Anna says:" },
      { text: "привет", lang: "ru" },
    ]);
  });

  it("of a comment is the text alone where names are not wanted, or can't be said", () => {
    const alone = [{ text: "hello", lang: undefined }];
    assert.deepEqual(partsOf(makeComment("hello"), { says_names: false }), alone);
    const nameless = { user: makeUser("🌸", { username: "" }) };
    assert.deepEqual(partsOf(makeComment("hello", "", nameless)), alone);
  });

  it("of a comment can all be in the page's language", () => {
    const frame = makeComment("привет", "Anna", { language: "ru" });
    assert.equal(partsOf(frame, { own_language: false })?.[1].lang, undefined);
  });

  it("of a gift is who sent what, and how many", () => {
    assert.deepEqual(partsOf(makeGift()), [{ text: "Dave sent Rose" }]);
    assert.deepEqual(partsOf(makeGift(12)), [{ text: "Dave sent Rose, 12 times" }]);
  });

  it("of a gift whose giver is not to be named is the gift", () => {
    assert.deepEqual(partsOf(makeGift(), { never_words: ["dave"] }), [
      { text: "Somebody sent Rose" },
    ]);
  });

  it("of many gifts at once is their sum", () => {
    assert.deepEqual(moreGifts({ gifts: 97, diamonds: 970 }), [
      { text: "And 97 more gifts for 970 diamonds" },
    ]);
  });

  it("of a follow is said once", () => {
    const settings = makeSettings();
    const filters = new Filters(settings, () => 0);
    const frame = makeFrame("follow", { user: makeUser("Anna") });
    assert.deepEqual(announcementOf(frame, settings, filters)?.parts, [
      { text: "Anna follows now" },
    ]);
    assert.equal(announcementOf(frame, settings, filters), null);
  });

  it("of a subscription is for how long", () => {
    const user = makeUser("Anna");
    assert.deepEqual(partsOf(makeFrame("subscribe", { user, kind: "renewed", months: 3 })), [
      { text: "Anna has subscribed for 3 months" },
    ]);
  });

  it("is nothing where only a sound is wanted", () => {
    const share = makeFrame("share", { user: makeUser("Anna") });
    assert.equal(partsOf(share), undefined);
    const sounds = { share: "/pop.wav", follow: "/bell.wav" };
    assert.deepEqual(partsOf(share, { sounds }), []);
    const follow = makeFrame("follow", { user: makeUser("Anna") });
    assert.deepEqual(partsOf(follow, { sounds, reads_follows: false }), []);
  });

  it("is nothing of other frames", () => {
    for (const type of ["like", "join", "viewers", "connected", "gap"]) {
      assert.equal(partsOf(makeFrame(type, { user: makeUser("Anna") })), undefined);
    }
  });
});

describe("The voice", () => {
  /** @param {string} name @param {string} lang @param {object} more */
  function make(name, lang, more = {}) {
    return { name, lang, default: false, localService: true, ...more };
  }
  const voices = [
    make("Google", "en-US", { localService: false }),
    make("Anna", "en-GB"),
    make("Zoe", "en_US"),
    make("Milena", "ru-RU", { default: true }),
  ];
  const named = (/** @type {string} */ lang, wanted = "") => voiceFor(voices, lang, wanted)?.name;

  it("speaks the language", () => {
    assert.equal(named("ru"), "Milena");
    assert.equal(named("EN"), "Anna");
    assert.equal(named("de"), undefined);
    assert.equal(named(""), undefined);
  });

  it("is the nearest to the language, however it is written", () => {
    assert.equal(named("en-us"), "Zoe");
  });

  it("is the wanted one, if it speaks the language", () => {
    assert.equal(named("en", "Google"), "Google");
    assert.equal(named("ru", "Google"), "Milena");
    assert.equal(named("en", "of another device"), "Anna");
  });
});

class Utterance {
  lang = "";
  voice = null;
  rate = 1;
  volume = 1;
  /** @type {any} */
  onstart = null;
  /** @type {any} */
  onend = null;
  /** @type {any} */
  onerror = null;

  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/** A browser that speaks when the test says so. @param {{ lang: string, name: string }[]} voices */
function makeBrowser(voices = []) {
  const clock = new Clock();
  /** @type {Utterance[]} */
  const spoken = [];
  const synthesis = {
    cancelled: 0,
    getVoices: () => voices,
    speak: (/** @type {Utterance} */ utterance) => spoken.push(utterance),
    cancel() {
      this.cancelled += 1;
    },
    resume() {},
    addEventListener() {},
  };
  const speaker = new Speaker("en", {
    synthesis: /** @type {any} */ (synthesis),
    Utterance: /** @type {any} */ (Utterance),
    setTimeout: clock.setTimeout,
    clearTimeout: clock.clearTimeout,
  });
  return { speaker, synthesis, spoken, clock };
}

describe("The speaker", () => {
  const settings = makeSettings({ rate: 150, volume: 40 });

  it("says one part after the other, as the settings want it", async () => {
    const { speaker, spoken, clock } = makeBrowser();
    const saying = speaker.say([{ text: "one" }, { text: "два", lang: "ru" }], settings);
    assert.equal(spoken.length, 1); // at once, in the handler of a tap
    assert.deepEqual([spoken[0].rate, spoken[0].volume, spoken[0].lang], [1.5, 0.4, "en"]);
    spoken[0].onend();
    await turn();
    assert.deepEqual([spoken[1].text, spoken[1].lang], ["два", "ru"]);
    spoken[1].onend();
    await saying;
    assert.equal(clock.timers.size, 0);
  });

  it("speaks a comment's language only if a voice does", async () => {
    const { speaker, spoken } = makeBrowser([{ lang: "en-US", name: "Zoe" }]);
    speaker.say([{ text: "привет", lang: "ru" }], settings);
    assert.equal(spoken[0].lang, "en");
    assert.equal(/** @type {any} */ (spoken[0].voice).name, "Zoe");
  });

  it("goes on when the browser never tells of an end", async () => {
    for (const begins of [true, false]) {
      const { speaker, spoken, synthesis, clock } = makeBrowser([{ lang: "en-US", name: "Zoe" }]);
      const saying = speaker.say([{ text: "one" }, { text: "two" }], settings);
      if (begins) spoken[0].onstart();
      clock.advance(5.2);
      await turn();
      assert.equal(synthesis.cancelled, 0);
      clock.advanceToTimer();
      await turn();
      assert.equal(synthesis.cancelled, 1);
      assert.equal(spoken.length, 2);
      clock.advanceToTimer();
      await saying;
      assert.equal(clock.timers.size, 0);
    }
  });

  it("does not keep sounds waiting in a browser without voices", async () => {
    const { speaker, spoken, clock } = makeBrowser([]);
    const saying = speaker.say([{ text: "one" }, { text: "two" }], settings);
    clock.advance(1.5);
    await saying;
    assert.equal(spoken.length, 1);
  });

  it("hears a browser out that speaks though it names no voices", async () => {
    const { speaker, spoken, clock } = makeBrowser([]);
    const saying = speaker.say([{ text: "one" }, { text: "two" }], settings);
    spoken[0].onstart();
    clock.advance(4);
    spoken[0].onend();
    await turn();
    assert.equal(spoken.length, 2);
    spoken[1].onend();
    await saying;
  });

  it("goes on after an error, and knows when it may not speak yet", async () => {
    const { speaker, spoken } = makeBrowser();
    const saying = speaker.say([{ text: "one" }], settings);
    spoken[0].onerror({ error: "not-allowed" });
    await saying;
    assert.equal(speaker.isRefused, true);
    speaker.say([{ text: "two" }], settings);
    spoken[1].onstart();
    assert.equal(speaker.isRefused, false);
  });

  it("says nothing more of what was stopped", async () => {
    const { speaker, spoken } = makeBrowser();
    const saying = speaker.say([{ text: "one" }, { text: "two" }], settings);
    speaker.stop();
    await saying;
    assert.equal(spoken.length, 1);
  });

  it("lets one wait for the other", async () => {
    const { speaker, spoken } = makeBrowser();
    speaker.say([{ text: "one" }], settings);
    speaker.say([], settings);
    const last = speaker.say([{ text: "two" }], settings);
    await turn();
    assert.equal(spoken.length, 1);
    spoken[0].onend();
    await turn();
    spoken[1].onend();
    await last;
    assert.deepEqual(spoken.map(({ text }) => text), ["one", "two"]);
  });

  it("is silent in a browser that can't speak", async () => {
    const speaker = new Speaker("en", { synthesis: undefined });
    assert.equal(speaker.isPossible, false);
    await speaker.say([{ text: "one" }], settings);
    speaker.stop();
    /** @type {unknown[]} */
    const told = [];
    speaker.onVoices((voices) => told.push(voices));
    assert.deepEqual(told, [[]]);
  });

  it("tells that there are no voices when none have come for a while", () => {
    const { speaker, clock } = makeBrowser();
    /** @type {unknown[]} */
    const told = [];
    speaker.onVoices((voices) => told.push(voices));
    assert.deepEqual(told, []);
    clock.advanceToTimer();
    assert.deepEqual(told, [[]]);
  });
});

/** Reading aloud, where each sound and each speech ends when the test says so. @param {Partial<Settings>} changes */
function makeAloud(changes = {}, now = () => 0) {
  /** @type {string[]} */
  const heard = [];
  /** What was told to be heard. @type {(string | null)[]} */
  const told = [];
  /** @type {(() => void)[]} */
  const ends = [];
  const hear = (/** @type {string} */ what) => {
    heard.push(what);
    return new Promise((resolve) => ends.push(() => resolve(undefined)));
  };
  const stop = () => ends.splice(0).forEach((end) => end());
  const speaker = {
    say: async (/** @type {{ text: string }[]} */ parts) => {
      if (parts.length) await hear(parts.map(({ text }) => text).join(" "));
    },
    stop,
  };
  const sounds = {
    play: async (/** @type {string} */ address) => {
      await hear(address);
    },
    stop,
  };
  const aloud = new Aloud(speaker, sounds, {
    now,
    onHear: (announcement) => told.push(announcement?.kind ?? null),
  });
  aloud.change(makeSettings(changes));
  aloud.start();
  return {
    aloud,
    heard,
    told,
    /** What is being heard ends. */
    async end() {
      ends.shift()?.();
      await turn();
    },
  };
}

describe("Reading aloud", () => {
  it("leaves out what was missed too long ago, and gifts later than comments", async () => {
    // The clock here is an hour ahead of the server's.
    const { aloud, heard, end } = makeAloud({}, () => 3_600_000 + 1_000_000);
    aloud.take({ type: "connected", ts: 1_000_000, data: { room_id: "7" } });
    const missed = [
      { ...makeComment("long ago"), ts: 1_000_000 - 61_000 },
      { ...makeGift(2), ts: 1_000_000 - 301_000 },
      { ...makeGift(3), ts: 1_000_000 - 299_000 },
      { ...makeComment("just now"), ts: 1_000_000 - 59_000 },
    ];
    for (const frame of missed) aloud.take(frame);
    await end();
    assert.deepEqual(heard, ["Dave sent Rose, 3 times", "Anna says: just now"]);
  });

  it("reads nothing of the LIVE before once another has begun", async () => {
    const { aloud, heard, end } = makeAloud();
    aloud.take({ type: "connected", ts: 0, data: { room_id: "7" } });
    aloud.take(makeComment("one"));
    aloud.take(makeComment("two"));
    aloud.take({ type: "connected", ts: 0, data: { room_id: "7" } }); // after a break
    aloud.take(makeComment("three"));
    await end();
    assert.deepEqual(heard, ["Anna says: one", "Anna says: two"]);
    aloud.take({ type: "connected", ts: 0, data: { room_id: "8" } });
    await turn();
    aloud.take(makeComment("of the next"));
    await end();
    assert.equal(heard.includes("Anna says: three"), false);
    assert.equal(heard.at(-1), "Anna says: of the next");
  });

  it("hears one after the other, each with its sound before it", async () => {
    const { aloud, heard, end } = makeAloud({ sounds: { gift: "/coins.wav" } });
    aloud.take(makeGift());
    aloud.take(makeComment("hello"));
    assert.deepEqual(heard, ["/coins.wav"]);
    await end();
    assert.deepEqual(heard, ["/coins.wav", "Dave sent Rose"]);
    await end();
    assert.deepEqual(heard.at(-1), "Anna says: hello");
  });

  it("never loses a gift behind comments", async () => {
    const { aloud, heard, end } = makeAloud({ repeat_seconds: 0 });
    aloud.take(makeComment("the first"));
    aloud.take(makeGift(5));
    for (let number = 0; number < 500; number += 1) aloud.take(makeComment(`no ${number}`));
    aloud.take(makeGift(7));
    for (let number = 0; number < 40; number += 1) await end();
    assert.equal(heard.filter((text) => text.startsWith("Dave sent")).length, 2);
    assert.equal(heard.length, 1 + 20); // what was being said, and all places
    assert.equal(heard.at(-2), "Anna says: no 499");
  });

  it("is silent until it is started, and after it is stopped", async () => {
    const { aloud, heard, end } = makeAloud();
    aloud.stop();
    aloud.take(makeGift());
    assert.deepEqual(heard, []);
    aloud.start();
    aloud.take(makeComment("one"));
    aloud.take(makeComment("two"));
    aloud.stop();
    await turn();
    assert.deepEqual(heard, ["Anna says: one"]);
    aloud.start();
    aloud.take(makeComment("three"));
    await end();
    assert.deepEqual(heard, ["Anna says: one", "Anna says: three"]);
  });

  it("skips what is being heard, and goes on", async () => {
    const { aloud, heard } = makeAloud({ sounds: { gift: "/coins.wav" } });
    aloud.take(makeGift());
    aloud.take(makeComment("next"));
    aloud.skip();
    await turn();
    assert.deepEqual(heard, ["/coins.wav", "Anna says: next"]);
  });

  it("breaks off what moderators delete", async () => {
    const { aloud, heard } = makeAloud();
    const rude = makeComment("rude", "Troll");
    const more = makeComment("more of it", "Troll");
    aloud.take(rude);
    aloud.take(more);
    aloud.take(makeComment("kind"));
    aloud.take(makeFrame("delete", { message_ids: [], user_ids: [rude.data.user.id] }));
    await turn();
    assert.deepEqual(heard, ["Troll says: rude", "Anna says: kind"]);
  });

  it("tells what is being heard, and when that is over", async () => {
    const { aloud, told, end } = makeAloud();
    aloud.take(makeGift());
    aloud.take(makeComment("hello"));
    await end();
    await end();
    assert.deepEqual(told, ["gift", "comment", null]);
  });

  it("reads a test whatever is chosen, and again", async () => {
    const { aloud, heard, end } = makeAloud({ of_moderators: true, reads_gifts: false });
    for (let round = 0; round < 2; round += 1) {
      aloud.test(makeComment("hello"));
      aloud.test(makeGift());
    }
    for (let number = 0; number < 4; number += 1) await end();
    const both = ["Anna says: hello", "Dave sent Rose"];
    assert.deepEqual(heard, [...both, ...both]);
  });

  it("does not read what was said before the page came", () => {
    const { aloud, heard } = makeAloud();
    const snapshot = { comments: [makeComment("old")], gifts: [], top: [] };
    aloud.take(makeFrame("connected", { snapshot }));
    assert.deepEqual(heard, []);
  });
});

describe("The screen", () => {
  function makePage() {
    /** @type {(() => void)[]} */
    const listeners = [];
    /** @type {{ released: boolean, release: () => Promise<void> }[]} */
    const locks = [];
    const page = {
      hidden: false,
      addEventListener: (/** @type {string} */ _type, /** @type {() => void} */ listener) =>
        listeners.push(listener),
    };
    const request = async () => {
      const lock = {
        released: false,
        async release() {
          lock.released = true;
        },
      };
      locks.push(lock);
      return lock;
    };
    const screen = new ScreenLock(
      /** @type {any} */ ({ wakeLock: { request } }),
      /** @type {any} */ (page),
    );
    /** @param {boolean} hidden */
    async function turnTo(hidden) {
      page.hidden = hidden;
      // As browsers do it.
      if (hidden) for (const lock of locks) lock.released = true;
      listeners.forEach((listener) => listener());
      await turn();
    }
    return { screen, locks, turnTo };
  }

  it("is kept on, again after the page was hidden, until that is not wanted", async () => {
    const { screen, locks, turnTo } = makePage();
    await turnTo(true);
    await turnTo(false);
    assert.equal(locks.length, 0);
    await screen.want(true);
    assert.equal(locks.length, 1);
    await turnTo(true);
    await turnTo(false);
    assert.deepEqual(locks.map(({ released }) => released), [true, false]);
    await screen.want(false);
    assert.equal(locks[1].released, true);
    await turnTo(false);
    assert.equal(locks.length, 2);
  });

  it("goes off where the browser can't keep it on", async () => {
    const page = { hidden: false, addEventListener() {} };
    const screen = new ScreenLock(/** @type {any} */ ({}), /** @type {any} */ (page));
    await screen.want(true);
    await screen.want(false);
  });

  it("goes off when the browser refuses", async () => {
    const wakeLock = { request: () => Promise.reject(new Error("the battery is low")) };
    const page = { hidden: false, addEventListener() {} };
    const screen = new ScreenLock(/** @type {any} */ ({ wakeLock }), /** @type {any} */ (page));
    await screen.want(true);
  });
});
