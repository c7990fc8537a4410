/** What each event looks like in the feed. */

import { make } from "../../shared/dom.js";
import { number } from "../../shared/format.js";
import { avatar, icon, nameOf, picture, sentence } from "./elements.js";

/** @typedef {import("../relay-client.js").Frame} Frame */
/** @typedef {Record<string, any>} Data */

/** Of a character that JavaScript counts as two. */
const LATER_HALF = /[\uDC00-\uDFFF]/;

/**
 * What the feed shows for a frame; null for frames that are shown elsewhere.
 *
 * @param {Frame} frame
 * @returns {HTMLElement | null}
 */
export function entryOf(frame) {
  return isTold(frame) ? ENTRIES[frame.type](frame.data) : null;
}

/** Whether the feed has a line for a frame, which is not made to find that out. @param {Frame} frame */
export function isTold({ type, data }) {
  if (type === "gift") return data.streak !== "ongoing";
  if (type === "envelope") return data.state === "new";
  return Object.hasOwn(ENTRIES, type);
}

/** Somebody came in, and others with them. @param {Data} user @param {number} others */
export function joined(user, others) {
  const text = others
    ? ngettext(
        "%(name)s and %(count)s other joined",
        "%(name)s and %(count)s others joined",
        others,
      )
    : gettext("%(name)s joined");
  return line("join", "join", text, { name: person(user), count: number(others) });
}

/** Somebody sent likes, alone or with others. @param {Data} user @param {number} count @param {boolean} isOne */
export function liked(user, count, isOne) {
  const text = isOne
    ? ngettext("%(name)s sent %(count)s like", "%(name)s sent %(count)s likes", count)
    : ngettext(
        "%(name)s and others sent %(count)s like",
        "%(name)s and others sent %(count)s likes",
        count,
      );
  return line("like", "likes", text, { name: person(user), count: number(count) });
}

/** @type {Record<string, (data: Data) => HTMLElement>} */
const ENTRIES = {
  comment: ({ user, text, emotes }) => said("comment", user, withEmotes(text, emotes)),
  emote: ({ user, emotes }) => said("comment", user, withEmotes("", emotes)),
  question: ({ user, text }) => {
    const label = make("span", "label", icon("question"), gettext("Question"));
    return said("comment question", user, [label, " ", text]);
  },
  gift: ({ user, gift, count }) => {
    const image = gift.image ? picture(gift.image) : "";
    const what = make("span", "what", gift.name || gettext("a gift"), image);
    const text =
      count > 1 ? gettext("%(name)s sent %(gift)s ×%(count)s") : gettext("%(name)s sent %(gift)s");
    return line("gift", "gift", text, { name: person(user), gift: what, count: number(count) });
  },
  follow: ({ user }) =>
    line("follow", "follow", gettext("%(name)s follows now"), { name: person(user) }),
  share: ({ user, joined_by_share: came }) => {
    const values = { name: person(user), count: came ? number(came) : "" };
    if (!came) return line("share", "share", gettext("%(name)s shared the LIVE"), values);
    const text = ngettext(
      "%(name)s shared the LIVE, %(count)s person came by it",
      "%(name)s shared the LIVE, %(count)s people came by it",
      came,
    );
    return line("share", "share", text, values);
  },
  subscribe: ({ user, kind, months }) =>
    line("subscribe", "star", subscription(kind, months), {
      name: person(user),
      months: number(months ?? 1),
    }),
  super_fan: ({ user, text }) => {
    if (text) return line("subscribe", "star", "%(text)s", { text });
    return line("subscribe", "star", gettext("%(name)s is a super fan"), { name: person(user) });
  },
  envelope: ({ sender, diamonds, people }) => {
    const text = ngettext(
      "%(name)s put down a treasure chest: %(diamonds)s diamonds for %(count)s person",
      "%(name)s put down a treasure chest: %(diamonds)s diamonds for %(count)s people",
      people,
    );
    const values = { diamonds: number(diamonds), count: number(people) };
    return line("gift", "gift", text, { name: person(sender), ...values });
  },
  notice: ({ title, text }) =>
    line("notice", "notice", "%(text)s", { text: [title, text].filter(Boolean).join(": ") }),
  rank: ({ rankings }) => {
    const texts = rankings.map((/** @type {Data} */ { kind, rank, text }) =>
      text || interpolate(gettext("place %(rank)s (%(kind)s)"), { rank: number(rank), kind }, true),
    );
    return line("notice", "rank", gettext("Ranking: %(text)s"), { text: texts.join(" · ") });
  },
  live_pause: () => line("notice", "pause", gettext("The LIVE is paused"), {}),
  live_resume: () => line("notice", "live", gettext("The LIVE goes on"), {}),
  live_end: () => line("notice", "live", gettext("The LIVE has ended"), {}),
  gap: ({ missed }) => {
    if (!missed) return line("gap", "gap", gettext("Some events were missed"), {});
    const count = Object.values(missed).reduce((sum, value) => sum + value, 0);
    const text = ngettext("%(count)s event was missed", "%(count)s events were missed", count);
    return line("gap", "gap", text, { count: number(count) });
  },
};

/** @param {string} kind @param {number} [months] */
function subscription(kind, months) {
  if (kind === "gifted") return gettext("%(name)s was given a subscription");
  if (kind === "new" || !months) return gettext("%(name)s subscribed");
  return ngettext(
    "%(name)s has subscribed for %(months)s month",
    "%(name)s has subscribed for %(months)s months",
    months,
  );
}

/**
 * @param {string} className
 * @param {string} symbol
 * @param {string} text
 * @param {Record<string, Node | string>} values
 */
function line(className, symbol, text, values) {
  const words = make("span", "words", ...sentence(text, values));
  return make("div", `entry line ${className}`, icon(symbol), words);
}

/** Something with a picture. @param {string} className @param {Data} user @param {(Node | string)[]} words */
function said(className, user, words) {
  const head = make("span", "head", person(user), ...badges(user));
  const text = make("span", "text", ...words);
  return make("div", `entry ${className}`, avatar(user), make("div", "words", head, text));
}

/** @param {Data} [user] */
function person(user) {
  const name = make("strong", "name", nameOf(user));
  if (user?.username) name.title = `@${user.username}`;
  return name;
}

/** What TikTok shows beside a name, the weightiest first. @param {Data} user */
function badges({ badges: held, verified }) {
  const level = (/** @type {string} */ text, /** @type {number} */ value) =>
    interpolate(text, { level: value }, true);
  /** @type {[string, string | false][]} */
  const shown = [
    ["verified", verified && gettext("Verified")],
    ["moderator", held.moderator && gettext("Moderator")],
    ["top", held.top_gifter && level(gettext("Top %(level)s"), held.top_gifter)],
    ["fan", held.super_fan && gettext("Super fan")],
    ["fan", held.subscriber && !held.super_fan && gettext("Subscriber")],
    ["fan", held.fan_level && level(gettext("Fan %(level)s"), held.fan_level)],
    ["level", held.gifter_level && level(gettext("Level %(level)s"), held.gifter_level)],
  ];
  return shown.flatMap(([kind, text]) => (text ? [make("span", `badge ${kind}`, text)] : []));
}

/**
 * The text with its emotes in their places. Where TikTok counts otherwise than JavaScript does, no
 * character is torn apart at least.
 *
 * @param {string} text
 * @param {{ image: string, index?: number }[]} emotes
 */
function withEmotes(text, emotes) {
  const placed = emotes
    .map(({ image, index = text.length }) => ({
      image,
      index: LATER_HALF.test(text.charAt(index)) ? index + 1 : index,
    }))
    .sort((a, b) => a.index - b.index);
  /** @type {(Node | string)[]} */
  const parts = [];
  let written = 0;
  for (const { image, index } of placed) {
    parts.push(text.slice(written, index));
    written = Math.max(written, index);
    const shown = image ? picture(image, gettext("emote")) : make("span", "", gettext("emote"));
    shown.classList.add("emote");
    parts.push(shown);
  }
  return [...parts, text.slice(written)];
}
