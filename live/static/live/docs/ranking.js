/** Which entries of the index are what somebody looks for. */

/**
 * What can be found, as the server lists it: its name, what it is, its address, and what it says.
 *
 * @typedef {[name: string, kind: string, address: string, text: string]} Entry
 */

/** How well a word fits, by where it was found. */
const EXACT = 100;
const BEGINS = 60;
const BEGINS_A_WORD = 40;
const IN_NAME = 25;
const IN_KIND = 10;
const IN_TEXT = 4;
/** What is between words; also in names such as `live_end`. */
const SEPARATORS = /[^\p{L}\p{N}]+/u;

/**
 * The entries that have every word of the query, the best first; equals in the index's order.
 *
 * @param {readonly Entry[]} entries
 * @param {string} query
 * @param {number} most
 */
export function rank(entries, query, most) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  return entries
    .map((entry) => ({ entry, fit: score(entry, words) }))
    .filter(({ fit }) => fit > 0)
    .sort((one, other) => other.fit - one.fit)
    .slice(0, most)
    .map(({ entry }) => entry);
}

/**
 * @param {Entry} entry
 * @param {readonly string[]} words
 */
function score([name, kind, , text], words) {
  const [lowerName, lowerKind, lowerText] = [name, kind, text].map((it) => it.toLowerCase());
  let sum = lowerName === words.join(" ") ? EXACT : 0;
  for (const word of words) {
    const fits = inName(lowerName ?? "", word) || inRest(lowerKind ?? "", lowerText ?? "", word);
    if (!fits) return 0;
    sum += fits;
  }
  // Of two that fit as well, the shorter name is more of what was typed.
  return sum - name.length / 100;
}

/** @param {string} name @param {string} word */
function inName(name, word) {
  if (name === word) return EXACT;
  if (name.startsWith(word)) return BEGINS;
  if (beginsIn(name, word)) return BEGINS_A_WORD;
  return name.includes(word) ? IN_NAME : 0;
}

/** @param {string} kind @param {string} text @param {string} word */
function inRest(kind, text, word) {
  if (beginsIn(kind, word)) return IN_KIND;
  return beginsIn(text, word) ? IN_TEXT : 0;
}

/**
 * Whether a word of the text begins so.
 *
 * @param {string} text
 * @param {string} word
 */
function beginsIn(text, word) {
  return text.split(SEPARATORS).some((part) => part.startsWith(word));
}
