import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Tokens } from "../../live/static/live/console/token.js";

/**
 * A browser with tabs, and a server that issues one token after the other.
 *
 * @param {{ stored?: string }} options
 */
function makeBrowser({ stored } = {}) {
  /** @type {Map<string, string>} */
  const items = new Map();
  if (stored !== undefined) items.set("console-token", stored);
  const storage = {
    getItem: (/** @type {string} */ key) => items.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => items.set(key, value),
  };
  /** @type {string[]} */
  const issued = [];
  async function issue() {
    const token = `issued-${issued.length + 1}-and-secret`;
    issued.push(token);
    return token;
  }
  return { open: (prefix = "") => new Tokens(prefix, issue, storage), issued, items };
}

describe("The console's token", () => {
  it("works", async () => {
    const browser = makeBrowser();
    const token = await browser.open().get();
    assert.deepEqual(browser.issued, [token]);
    assert.equal(browser.items.get("console-token"), token);
  });

  it("is used again", async () => {
    const browser = makeBrowser();
    const tokens = browser.open();
    assert.equal(await tokens.get(), await tokens.get());
    assert.equal(browser.issued.length, 1);
  });

  it("is used again when the server knows its beginning", async () => {
    const browser = makeBrowser({ stored: "abcdefgh-and-secret" });
    assert.equal(await browser.open("abcdefgh").get(), "abcdefgh-and-secret");
  });

  it("is replaced when it is another session's", async () => {
    for (const prefix of ["", "zyxwvuts"]) {
      const browser = makeBrowser({ stored: "abcdefgh-and-secret" });
      assert.equal(await browser.open(prefix).get(), browser.issued[0]);
    }
  });

  it("is replaced once the relay refuses it", async () => {
    const browser = makeBrowser();
    const tokens = browser.open();
    const refused = await tokens.get();
    tokens.refused(refused);
    assert.notEqual(await tokens.get(), refused);
    assert.equal(browser.issued.length, 2);
  });

  it("stays when it was the one before that the relay refuses", async () => {
    const browser = makeBrowser();
    const tokens = browser.open();
    const before = await tokens.get();
    tokens.refused(before);
    const token = await tokens.get();
    tokens.refused(before);
    assert.equal(await tokens.get(), token);
  });

  it("is the one that another tab was issued", async () => {
    const browser = makeBrowser();
    const [here, there] = [browser.open(), browser.open()];
    const before = await here.get();
    there.refused(await there.get());
    const token = await there.get();
    here.refused(before);
    assert.equal(await here.get(), token);
    assert.equal(browser.issued.length, 2);
  });

  it("is asked for again after a failure", async () => {
    let isAway = true;
    async function issue() {
      if (isAway) throw new Error("no network");
      return "issued";
    }
    const tokens = new Tokens("", issue, { getItem: () => null, setItem: () => {} });
    await assert.rejects(tokens.get(), /no network/);
    isAway = false;
    assert.equal(await tokens.get(), "issued");
  });
});
