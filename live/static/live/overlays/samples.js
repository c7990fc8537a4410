/** Made-up events for tests of an overlay. Nothing of them is real, and the overlay says so. */

/** @typedef {import("../relay-client.js").Frame} Frame */

let made = 0;

/**
 * The frames of a test, with the milliseconds after which each comes.
 *
 * @param {string} event "gift", "big", "streak", "follow", "subscribe", "share" or "comment".
 * @param {number} now Of the server's clock.
 * @returns {{ after: number, frame: Frame & { isTest: boolean } }[]}
 */
export function sample(event, now) {
  made += 1;
  const user = { id: `test-${made}`, username: "test", nickname: NAMES[made % NAMES.length] };
  const id = `test-${made}`;
  /** @type {(type: string, data: Record<string, any>, after?: number) => any} */
  const one = (type, data, after = 0) => ({
    after,
    frame: { type, id, ts: now + after, data: { user: { ...user, badges: {} }, ...data }, isTest: true },
  });
  if (event === "gift") return [one("gift", gift("Doughnut", 30, 1, null))];
  if (event === "big") return [one("gift", gift("Galaxy", 1000, 1, null))];
  if (event === "streak") {
    const counts = [1, 2, 3, 5, 8, 12, 15];
    return counts.map((count, index) => {
      const isLast = index === counts.length - 1;
      return one("gift", gift("Rose", 1, count, isLast ? "ended" : "ongoing"), index * 500);
    });
  }
  if (event === "subscribe") return [one("subscribe", { kind: "new", months: 1 })];
  if (event === "comment") return [one("comment", { text: "Hello! Привет!", emotes: [], mentions: [] })];
  return [one(event === "share" ? "share" : "follow", {})];
}

const NAMES = ["Juno", "Oskar", "Лена", "Mr Pip", "Amina"];

/**
 * @param {string} name
 * @param {number} diamonds
 * @param {number} count
 * @param {string | null} streak
 */
function gift(name, diamonds, count, streak) {
  return {
    gift: { id: `test ${name}`, name, diamonds, image: "", streakable: streak !== null },
    count,
    streak,
    diamonds_total: diamonds * count,
    group_id: `test-${made}`,
  };
}
