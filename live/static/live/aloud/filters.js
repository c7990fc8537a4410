/**
 * Which comments and names are read aloud, and what is left of their texts.
 *
 * Nothing here knows a browser: tests run it in Node.
 */

/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {Record<string, any>} Data */

/** How many texts and people are remembered, so that a flood of them takes no more memory. */
const MOST_REMEMBERED = 1000;
/** Whatever a browser would make a link of, and what people write so that others type it in. */
const ADDRESS =
  /(?:https?:\/\/|www\.)\S+|\b[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.(?:[a-z]{2,24}|рф)(?![\p{L}\p{N}])(?:[/?#:]\S*)?/giu;
/** A picture character, with what makes it another one. */
const PICTURE = String.raw`\p{Extended_Pictographic}(?:\u{FE0F}|\p{Emoji_Modifier})*`;
const SAME_PICTURES = new RegExp(String.raw`(${PICTURE})(?:\s*\1)+`, "gu");
const SAME_CHARACTERS = /(.)\1{3,}/gsu;
/** What voices spell out or stumble over: control characters, and those that hide others. */
const UNSPEAKABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]+/gu;

export class Filters {
  #settings;
  #now;
  /** @type {RegExp | null} */
  #never;
  /** When each text was read. @type {Map<string, number>} */
  #texts = new Map();
  /** When somebody's comment was read, by user id. @type {Map<string, number>} */
  #people = new Map();

  /**
   * @param {Settings} settings
   * @param {() => number} [now] The time, in milliseconds.
   */
  constructor(settings, now = Date.now) {
    this.#settings = settings;
    this.#now = now;
    this.#never = patternOf(settings.never_words);
  }

  /** Go by other settings from now on; what was read is not forgotten. @param {Settings} settings */
  change(settings) {
    this.#settings = settings;
    this.#never = patternOf(settings.never_words);
  }

  /**
   * What to read of a comment. Whoever asks reads it: the text counts as read.
   *
   * @param {Data} comment Of its frame.
   * @returns {string | null} Null: nothing.
   */
  textOf({ user, text }) {
    const settings = this.#settings;
    if (!settings.reads_comments || !this.#isHeard(user) || this.#isNever(text)) return null;
    const left = cleaned(settings.reads_addresses ? text : text.replace(ADDRESS, " "));
    if (!left) return null;
    if (this.#isTooSoon(this.#people, user.id, settings.person_seconds)) return null;
    if (this.isRepeated(left)) return null;
    this.#remember(this.#people, user.id);
    return shortened(left, settings.longest_text);
  }

  /**
   * Whether the same was read a short time ago. If not, it counts as read now.
   *
   * @param {string} text
   */
  isRepeated(text) {
    const key = folded(text);
    if (this.#isTooSoon(this.#texts, key, this.#settings.repeat_seconds)) return true;
    this.#remember(this.#texts, key);
    return false;
  }

  /**
   * What somebody is called; empty if that is not to be said, or can't be.
   *
   * @param {Data} [user]
   */
  nameOf(user) {
    const name = user?.nickname || user?.username || "";
    if (this.#isNever(name)) return "";
    const said = cleaned(name.replace(ADDRESS, " "));
    return /[\p{L}\p{N}]/u.test(said) ? shortened(said, 40) : "";
  }

  /** Whether a gift is worth reading. @param {Data} gift Of its frame. */
  isGiftRead({ streak, diamonds_total: diamonds }) {
    const { reads_gifts: isRead, gift_diamonds: least } = this.#settings;
    return isRead && streak !== "ongoing" && diamonds >= least;
  }

  /** Whether comments of this person are read at all. @param {Data} user */
  #isHeard({ badges, follow_status: status }) {
    const { of_followers, of_subscribers, of_moderators } = this.#settings;
    if (!of_followers && !of_subscribers && !of_moderators) return true;
    return Boolean(
      (of_followers && (status === "follower" || status === "friend")) ||
        (of_subscribers && (badges.subscriber || badges.super_fan)) ||
        (of_moderators && badges.moderator),
    );
  }

  /** @param {string} text */
  #isNever(text) {
    return this.#never !== null && this.#never.test(folded(text));
  }

  /** @param {Map<string, number>} times @param {string} key @param {number} seconds */
  #isTooSoon(times, key, seconds) {
    const before = times.get(key);
    return before !== undefined && this.#now() - before < seconds * 1000;
  }

  /** @param {Map<string, number>} times @param {string} key */
  #remember(times, key) {
    times.delete(key); // then it is the newest
    times.set(key, this.#now());
    if (times.size > MOST_REMEMBERED) {
      const [oldest] = times.keys();
      times.delete(oldest);
    }
  }
}

/**
 * Finds any of the words in a folded text. A word is found whole only: "ass" is not in "class".
 *
 * @param {string[]} words
 */
function patternOf(words) {
  const escaped = words
    .map((word) => folded(word).replace(/[$()*+.?[\\\]^{|}/]/g, "\\$&"))
    .filter(Boolean);
  if (!escaped.length) return null;
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${escaped.join("|")})(?![\\p{L}\\p{N}])`, "u");
}

/** The same for texts that look alike: case, spaces, accents, what can't be seen. @param {string} text */
function folded(text) {
  return text
    .normalize("NFKD")
    .replace(/[\p{Cf}\p{M}]/gu, "")
    .toLowerCase()
    .replace(/\s+/gu, " ")
    .trim();
}

/** A text without what nobody wants to hear: "hahahaaaaaaa" for half a minute. @param {string} text */
function cleaned(text) {
  return text
    .replace(UNSPEAKABLE, " ")
    .replace(SAME_PICTURES, "$1")
    .replace(SAME_CHARACTERS, "$1$1$1")
    .replace(/\s+/gu, " ")
    .trim();
}

/** The beginning of a text, up to the end of a word if one is near. @param {string} text @param {number} most */
function shortened(text, most) {
  const characters = [...text];
  if (characters.length <= most) return text;
  const begun = characters.slice(0, most).join("");
  const whole = characters[most] === " " ? begun : begun.replace(/\s\S*$/u, "");
  return (whole.length > begun.length / 2 ? whole : begun).trim();
}
