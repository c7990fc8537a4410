/** What is said of each event: in the page's language, and comments in their own. */

/** @typedef {import("./filters.js").Filters} Filters */
/** @typedef {import("./queue.js").Announcement} Announcement */
/** @typedef {import("./queue.js").Given} Given */
/** @typedef {import("./queue.js").Part} Part */
/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {import("../relay-client.js").Frame} Frame */
/** @typedef {Record<string, any>} Data */

/**
 * What is to be heard of a frame; null for nothing. To ask counts as reading it.
 *
 * @param {Frame} frame
 * @param {Settings} settings
 * @param {Filters} filters
 * @returns {Announcement | null}
 */
export function announcementOf(frame, settings, filters) {
  const { type, data } = frame;
  switch (type) {
    case "gift":
      return ofGift(data, filters);
    case "follow": {
      if (filters.isRepeated(`follow ${data.user.id}`)) return null;
      const text = settings.reads_follows ? gettext("%(name)s follows now") : "";
      return withSound("follow", text, data, settings, filters);
    }
    case "subscribe": {
      const text = settings.reads_subscriptions ? subscription(data) : "";
      return withSound("subscribe", text, data, settings, filters);
    }
    case "share":
      if (filters.isRepeated(`share ${data.user.id}`)) return null;
      return withSound("share", "", data, settings, filters);
    case "comment":
      return ofComment(frame, settings, filters);
    default:
      return null;
  }
}

/** What is said of gifts that came too fast to be told one by one. @param {Given} given @returns {Part[]} */
export function moreGifts({ gifts, diamonds }) {
  const told = ngettext("And %(count)s more gift", "And %(count)s more gifts", gifts);
  const worth = ngettext("for %(count)s diamond", "for %(count)s diamonds", diamonds);
  const text = `${filled(told, { count: gifts })} ${filled(worth, { count: diamonds })}`;
  return [{ text }];
}

/** What a test of the voice says. @returns {Part[]} */
export function sample() {
  return [{ text: gettext("This is how the LIVE is read aloud.") }];
}

/** What is said when reading aloud begins. @returns {Part[]} */
export function greeting() {
  return [{ text: gettext("Reading aloud is on.") }];
}

/** @param {Data} gift @param {Filters} filters @returns {Announcement | null} */
function ofGift(gift, filters) {
  if (!filters.isGiftRead(gift)) return null;
  const { user, count, diamonds_total: diamonds } = gift;
  const values = {
    name: nameOf(user, filters),
    gift: filters.nameOf({ nickname: gift.gift.name }) || gettext("a gift"),
    count,
  };
  const text =
    count > 1
      ? ngettext(
          "%(name)s sent %(gift)s, %(count)s time",
          "%(name)s sent %(gift)s, %(count)s times",
          count,
        )
      : gettext("%(name)s sent %(gift)s");
  const given = { gifts: count, diamonds };
  return { kind: "gift", event: "gift", given, parts: [{ text: filled(text, values) }] };
}

/** @param {Frame} frame @param {Settings} settings @param {Filters} filters @returns {Announcement | null} */
function ofComment({ id, data }, settings, filters) {
  const text = filters.textOf(data);
  if (text === null) return null;
  const name = settings.says_names ? filters.nameOf(data.user) : "";
  /** @type {Part[]} */
  const parts = [{ text, lang: settings.own_language ? data.language : undefined }];
  if (name) parts.unshift({ text: filled(gettext("%(name)s says:"), { name }) });
  return { kind: "comment", event: "comment", parts, id: String(id), userId: data.user.id };
}

/**
 * Words, a sound, or both; null if there is neither.
 *
 * @param {"follow" | "subscribe" | "share"} kind
 * @param {string} text With a place for the name; empty for none.
 * @param {Data} data
 * @param {Settings} settings
 * @param {Filters} filters
 * @returns {Announcement | null}
 */
function withSound(kind, text, { user, months }, settings, filters) {
  if (!text && !settings.sounds[kind]) return null;
  const values = { name: nameOf(user, filters), months: months ?? 1 };
  return { kind, event: kind, parts: text ? [{ text: filled(text, values) }] : [] };
}

/** @param {Data} data */
function subscription({ kind, months }) {
  if (kind === "gifted") return gettext("%(name)s was given a subscription");
  if (kind === "new" || !months) return gettext("%(name)s subscribed");
  return ngettext(
    "%(name)s has subscribed for %(months)s month",
    "%(name)s has subscribed for %(months)s months",
    months,
  );
}

/** @param {Data} user @param {Filters} filters */
function nameOf(user, filters) {
  return filters.nameOf(user) || gettext("Somebody");
}

/** @param {string} text @param {Record<string, string | number>} values */
function filled(text, values) {
  return interpolate(text, values, true);
}
