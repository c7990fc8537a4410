import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Tokens } from "../../live/static/live/console/token.js";

/** A browser's storage, and a server that issues one token after the other. */
function makeWorld({ prefix = "", stored = null } = {}) {
  const items = new Map(stored === null ? [] : [["console-token", stored]]);
  const storage = {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
  };
  const issued = [];
  async function issue() {
    issued.push(`issued-${issued.length + 1}-and-secret`);
    return issued.at(-1);
  }
  const page = new EventTarget();
  const tokens = new Tokens(prefix, issue, storage);
  tokens.watch(page);
  return {
    tokens,
    issued,
    items,
    /** Another tab is issued a token. */
    elsewhere(token) {
      items.set("console-token", token);
      const event = new Event("storage");
      page.dispatchEvent(Object.assign(event, { key: "console-token", newValue: token }));
    },
  };
}

describe("The console's token", () => {
  it("works", async () => {
    const world = makeWorld();
    const token = await world.tokens.get();
    assert.equal(token, world.issued[0]);
    assert.equal(world.items.get("console-token"), token);
  });

  it("is used again", async () => {
    const world = makeWorld();
    assert.equal(await world.tokens.get(), await world.tokens.get());
    assert.equal(world.issued.length, 1);
  });

  it("is used again when the server knows its beginning", async () => {
    const world = makeWorld({ prefix: "abcdefgh", stored: "abcdefgh-and-secret" });
    assert.equal(await world.tokens.get(), "abcdefgh-and-secret");
  });

  it("is replaced when it is another session's", async () => {
    for (const prefix of ["", "zyxwvuts"]) {
      const world = makeWorld({ prefix, stored: "abcdefgh-and-secret" });
      assert.equal(await world.tokens.get(), world.issued[0]);
    }
  });

  it("is replaced once the relay refuses it", async () => {
    const world = makeWorld();
    const refused = await world.tokens.get();
    world.tokens.refused(refused);
    assert.notEqual(await world.tokens.get(), refused);
  });

  it("is the one that another tab was issued", async () => {
    const world = makeWorld();
    const before = await world.tokens.get();
    assert.equal(world.tokens.isReplaced(before), false);
    world.elsewhere("tab-two--and-secret");
    assert.equal(world.tokens.isReplaced(before), true);
    world.tokens.refused(before);
    assert.equal(await world.tokens.get(), "tab-two--and-secret");
    assert.equal(world.issued.length, 1);
  });
});
