import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Filters } from "../../live/static/live/aloud/filters.js";
import { makeComment, makeGift, makeSettings, makeUser } from "./aloud.js";

/** @typedef {import("../../live/static/live/aloud/settings.js").Settings} Settings */

/** @param {Partial<Settings>} changes @param {() => number} [now] */
function makeFilters(changes = {}, now = () => 0) {
  return new Filters(makeSettings(changes), now);
}

/** What is read of a text. @param {string} text @param {Partial<Settings>} changes */
function read(text, changes = {}) {
  return makeFilters(changes).textOf(makeComment(text).data);
}

describe("A comment's text", () => {
  it("is read", () => {
    assert.equal(read("hello there"), "hello there");
  });

  it("is not read where comments are not", () => {
    assert.equal(read("hello", { reads_comments: false }), null);
  });

  it("is not read if there is nothing to say", () => {
    for (const text of ["", "  ", "\u200b\u202e", "\u0000"]) assert.equal(read(text), null);
  });

  it("is read without web addresses", () => {
    for (const address of [
      "https://casino.example/?a=b",
      "HTTP://1.2.3.4/x",
      "www.casino.example",
      "casino.xyz",
      "t.me/casino",
      "sub.casino-777.co.uk/win#now",
      "сайт.рф",
    ]) {
      const text = address === "сайт.рф" ? "casino.рф" : address;
      assert.equal(read(`come to ${text} now`), "come to now", text);
      assert.equal(read(text), null, text);
    }
  });

  it("keeps what only looks like an address", () => {
    for (const text of ["3.14 is pi", "wait... what", "v2.0", "e.g. this", "10.000 likes"]) {
      assert.equal(read(text), text);
    }
  });

  it("keeps web addresses where they are wanted", () => {
    assert.equal(read("come to casino.xyz", { reads_addresses: true }), "come to casino.xyz");
  });

  it("has an end, after a whole word", () => {
    assert.equal(read("one two three four", { longest_text: 12 }), "one two");
    assert.equal(read("one two three four", { longest_text: 13 }), "one two three");
    assert.equal(read("zw".repeat(300), { longest_text: 10 }), "zwzwzwzwzw");
  });

  it("is not cut within a character", () => {
    assert.equal(read("a😀b😀c😀d😀e😀f😀", { longest_text: 10 }), "a😀b😀c😀d😀e😀");
  });

  it("says the same again and again only so often", () => {
    assert.equal(read("nooooooooooo"), "nooo");
    assert.equal(read("wow 😂😂😂 😂😂"), "wow 😂");
    assert.equal(read("👍🏽👍🏽👍🏽"), "👍🏽");
    assert.equal(read("hello"), "hello");
  });
});

describe("Words that are never read", () => {
  it("keep a comment from being read", () => {
    const changes = { never_words: ["spoiler", "two words", "c++"] };
    const texts = ["SPOILER!", "a sPoiLer", "here are two   words.", "I like C++", "ＳＰＯＩＬＥＲ"];
    for (const text of texts) {
      assert.equal(read(text, changes), null, text);
    }
  });

  it("are found though somebody hides them", () => {
    const changes = { never_words: ["spoiler", "ёлка"] };
    for (const text of ["spo\u200biler", "spo\u00adiler", "spoïler", "s\u0336poiler", "елка"]) {
      assert.equal(read(text.normalize("NFD"), changes), null, text);
    }
  });

  it("are whole words", () => {
    const changes = { never_words: ["ass", "кот"] };
    for (const text of ["class", "assume", "который", "as s"]) {
      assert.equal(read(text, changes), text);
    }
  });

  it("are plain words, not patterns", () => {
    assert.equal(read("abc", { never_words: [".*", "(", "[a-z]+", "\\"] }), "abc");
    assert.equal(read("what is (", { never_words: ["("] }), null);
  });

  it("are not said in a name either", () => {
    const filters = makeFilters({ never_words: ["spoiler"] });
    assert.equal(filters.nameOf(makeUser("The Spoiler")), "");
    assert.equal(filters.nameOf(makeUser("Anna")), "Anna");
  });

  it("can be changed in the middle of a LIVE", () => {
    const filters = makeFilters();
    filters.change(makeSettings({ never_words: ["hello"] }));
    assert.equal(filters.textOf(makeComment("hello").data), null);
  });
});

describe("Whose comments are read", () => {
  const people = {
    stranger: makeUser("A", { follow_status: "none" }),
    unknown: makeUser("B"),
    follower: makeUser("C", { follow_status: "follower" }),
    friend: makeUser("D", { follow_status: "friend" }),
    subscriber: makeUser("E", { badges: { subscriber: true } }),
    fan: makeUser("F", { badges: { super_fan: true } }),
    moderator: makeUser("G", { badges: { moderator: true } }),
  };
  /** Who is heard. @param {Partial<Settings>} changes */
  function heard(changes) {
    const textOf = (/** @type {object} */ user) =>
      makeFilters(changes).textOf(makeComment("hi", "", { user }).data);
    return Object.entries(people).flatMap(([name, user]) => (textOf(user) === null ? [] : [name]));
  }

  it("is everybody, if nobody is chosen", () => {
    assert.deepEqual(heard({}), Object.keys(people));
  });

  it("is those who are chosen, and no others", () => {
    assert.deepEqual(heard({ of_followers: true }), ["follower", "friend"]);
    assert.deepEqual(heard({ of_subscribers: true }), ["subscriber", "fan"]);
    assert.deepEqual(heard({ of_moderators: true }), ["moderator"]);
    assert.deepEqual(heard({ of_followers: true, of_moderators: true }), [
      "follower",
      "friend",
      "moderator",
    ]);
  });
});

describe("Repeats", () => {
  it("are not read for a time, whoever writes them", () => {
    let time = 0;
    const filters = makeFilters({ repeat_seconds: 60 }, () => time);
    const ask = (/** @type {string} */ text, /** @type {string} */ name) =>
      filters.textOf(makeComment(text, name).data);
    assert.equal(ask("Hello  there", "Anna"), "Hello there");
    time = 59_999;
    assert.equal(ask("hello there", "Bob"), null);
    assert.equal(ask("hello you", "Bob"), "hello you");
    time = 60_000;
    assert.equal(ask("HELLO THERE", "Bob"), "HELLO THERE");
  });

  it("are read where nobody minds them", () => {
    const filters = makeFilters({ repeat_seconds: 0 });
    for (let round = 0; round < 3; round += 1) {
      assert.equal(filters.textOf(makeComment("hi").data), "hi");
    }
  });

  it("by one person wait for their time", () => {
    let time = 0;
    const filters = makeFilters({ person_seconds: 10 }, () => time);
    const ask = (/** @type {string} */ text, /** @type {string} */ name) =>
      filters.textOf(makeComment(text, name).data);
    assert.equal(ask("one", "Anna"), "one");
    time = 9_999;
    assert.equal(ask("two", "Anna"), null);
    assert.equal(ask("two", "Bob"), "two");
    time = 10_000;
    assert.equal(ask("three", "Anna"), "three");
  });

  it("do not make somebody wait whose comment was not read", () => {
    const filters = makeFilters({ person_seconds: 10, never_words: ["bad"] });
    assert.equal(filters.textOf(makeComment("bad", "Anna").data), null);
    assert.equal(filters.textOf(makeComment("good", "Anna").data), "good");
  });

  it("are remembered of the newest thousand texts only", () => {
    const filters = makeFilters({ repeat_seconds: 3600 });
    for (let number = 0; number <= 1000; number += 1) {
      filters.textOf(makeComment(`text ${number}`).data);
    }
    assert.equal(filters.textOf(makeComment("text 1").data), null);
    assert.equal(filters.textOf(makeComment("text 0").data), "text 0");
  });
});

describe("A name", () => {
  it("is short, and without an address", () => {
    const filters = makeFilters();
    assert.equal(filters.nameOf(makeUser("xy".repeat(100))).length, 40);
    assert.equal(filters.nameOf(makeUser("Anna casino.xyz")), "Anna");
  });

  it("of pictures alone can't be said", () => {
    for (const name of ["🌸🌸", "___", "\u202e"]) {
      assert.equal(makeFilters().nameOf(makeUser(name, { username: "" })), "");
    }
  });
});

describe("A gift", () => {
  it("is read from so many diamonds on", () => {
    const filters = makeFilters({ gift_diamonds: 10 });
    assert.equal(filters.isGiftRead(makeGift(1, { diamonds_total: 10 }).data), true);
    assert.equal(filters.isGiftRead(makeGift(1, { diamonds_total: 9 }).data), false);
  });

  it("is read once a streak, at its end", () => {
    const filters = makeFilters();
    assert.equal(filters.isGiftRead(makeGift(3, { streak: "ongoing" }).data), false);
    assert.equal(filters.isGiftRead(makeGift(3, { streak: "ended" }).data), true);
  });

  it("is not read where gifts are not", () => {
    assert.equal(makeFilters({ reads_gifts: false }).isGiftRead(makeGift().data), false);
  });
});
