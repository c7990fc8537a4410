/** What tests of reading aloud share: what pages have and Node has not, settings, and frames. */

/** @typedef {import("../../live/static/live/aloud/settings.js").Settings} Settings */
/** @typedef {import("../../live/static/live/relay-client.js").Frame} Frame */

/** @type {Record<string, any>} */
const page = globalThis;
page.gettext = (/** @type {string} */ text) => text;
/** @param {string} one @param {string} many @param {number} count */
page.ngettext = (one, many, count) => (count === 1 ? one : many);
page.interpolate = (/** @type {string} */ text, /** @type {Record<string, unknown>} */ values) =>
  text.replace(/%\((\w+)\)s/g, (_whole, name) => String(values[name]));

/** Those of an account that has chosen nothing, silent; with changes. @param {Partial<Settings>} changes */
export function makeSettings(changes = {}) {
  /** @type {Settings} */
  const settings = {
    voice: "",
    rate: 100,
    volume: 100,
    sound_volume: 60,
    own_language: true,
    reads_comments: true,
    reads_gifts: true,
    reads_follows: true,
    reads_subscriptions: true,
    says_names: true,
    gift_diamonds: 0,
    of_followers: false,
    of_subscribers: false,
    of_moderators: false,
    never_words: [],
    reads_addresses: false,
    longest_text: 200,
    repeat_seconds: 60,
    person_seconds: 0,
    sounds: { gift: null, follow: null, subscribe: null, share: null, comment: null },
    ...changes,
  };
  return settings;
}

/** @param {string} name @param {Record<string, unknown>} more */
export function makeUser(name, more = {}) {
  const badges = { moderator: false, subscriber: false, super_fan: false };
  return { id: `id of ${name}`, username: name.toLowerCase(), nickname: name, badges, ...more };
}

let ids = 0;

/** @param {string} type @param {Record<string, unknown>} data @returns {Frame} */
export function makeFrame(type, data) {
  ids += 1;
  return { type, ts: ids, id: `${ids}`, data };
}

/** @param {string} text @param {string} name @param {Record<string, unknown>} more Of its data. */
export function makeComment(text, name = "Anna", more = {}) {
  return makeFrame("comment", { user: makeUser(name), text, emotes: [], mentions: [], ...more });
}

/** @param {number} count @param {Record<string, unknown>} more Of its data. */
export function makeGift(count = 1, more = {}) {
  const gift = { id: "5655", name: "Rose", diamonds: 1, image: "", streakable: true };
  const streak = count > 1 ? "ended" : null;
  const data = { user: makeUser("Dave"), gift, count, streak, diamonds_total: count, group_id: "" };
  return makeFrame("gift", { ...data, ...more });
}
