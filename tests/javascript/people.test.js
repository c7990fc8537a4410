import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { initials, toneOf } from "../../static/shared/people.js";

describe("A person without a picture", () => {
  it("has the first letters of the name's first words", () => {
    assert.equal(initials("anna maria von berg"), "AM");
    assert.equal(initials("anna maria", 1), "A");
    assert.equal(initials("✨ лена_м 7"), "ЛМ");
    assert.equal(initials("🌸🌸"), "");
  });

  it("always has the same colour", () => {
    // As tests/live/pages/lives/test_people.py has it of the server's.
    assert.equal(toneOf("7012345", 5), 3);
    assert.equal(toneOf("", 5), 0);
  });
});
