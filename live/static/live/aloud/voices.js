/**
 * Which of a browser's voices says something.
 *
 * Nothing here knows a browser: tests run it in Node.
 */

/** @typedef {Pick<SpeechSynthesisVoice, "name" | "lang" | "default" | "localService">} Voice */

/**
 * The voice for a language: the wanted one if it speaks it, else the browser's best; null if none
 * of them does.
 *
 * @template {Voice} T
 * @param {readonly T[]} voices
 * @param {string} lang
 * @param {string} wanted Its name; empty for none.
 * @returns {T | null}
 */
export function voiceFor(voices, lang, wanted) {
  const speaking = voices.filter((voice) => isSame(voice.lang, lang));
  const [best] = speaking
    .map((voice) => ({ voice, score: scoreOf(voice, lang, wanted) }))
    .sort((a, b) => b.score - a.score);
  return best?.voice ?? null;
}

/** Whether two tags are of one language: "en" and "en_US". @param {string} one @param {string} other */
export function isSame(one, other) {
  return languageOf(one) !== "" && languageOf(one) === languageOf(other);
}

/** Android writes "en_US" where others write "en-US". @param {string} tag */
function languageOf(tag) {
  return tag.toLowerCase().split(/[-_]/)[0];
}

/** @param {Voice} voice @param {string} lang @param {string} wanted */
function scoreOf(voice, lang, wanted) {
  const isExact = voice.lang.replace("_", "-").toLowerCase() === lang.toLowerCase();
  return (
    (wanted !== "" && voice.name === wanted ? 8 : 0) +
    (isExact ? 4 : 0) +
    (voice.default ? 2 : 0) +
    (voice.localService ? 1 : 0) // others go over the network, and break off long texts
  );
}
