/** Speaks with the browser's voices. */

import { isSame, voiceFor } from "./voices.js";

/** @typedef {import("./queue.js").Part} Part */
/** @typedef {import("./settings.js").Settings} Settings */
/**
 * What of a browser it uses; tests have their own.
 *
 * @typedef {object} Browser
 * @property {SpeechSynthesis} [synthesis] Absent in browsers that can't speak.
 * @property {new (text: string) => SpeechSynthesisUtterance} [Utterance]
 * @property {(callback: () => void, ms: number) => any} [setTimeout]
 * @property {(timer: any) => void} [clearTimeout]
 */

/** How long a browser may take to begin, and to say a character; in ms. */
const BEGINS_WITHIN = 5000;
const PER_CHARACTER = 250;
/** The same for one that has named no voices: it may still have one, but sounds must go on. In ms. */
const BEGINS_WITHOUT_VOICES_WITHIN = 1500;
/** Seconds after which a browser that has named no voices has none. */
const VOICES_WITHIN = 3;

export class Speaker {
  #synthesis;
  #Utterance;
  #setTimeout;
  #clearTimeout;
  #language;
  /** What is being said, to its end; null while nothing is. @type {Promise<void> | null} */
  #saying = null;
  /** Breaks that off. @type {(() => void) | undefined} */
  #finish;
  /** Whether the browser has refused to speak before somebody touches the page. */
  #isRefused = false;

  /**
   * @param {string} language The page's.
   * @param {Browser} [browser]
   */
  constructor(language, browser = {}) {
    this.#language = language;
    this.#synthesis = "synthesis" in browser ? browser.synthesis : globalThis.speechSynthesis;
    this.#Utterance = browser.Utterance ?? globalThis.SpeechSynthesisUtterance;
    this.#setTimeout = browser.setTimeout ?? globalThis.setTimeout.bind(globalThis);
    this.#clearTimeout = browser.clearTimeout ?? globalThis.clearTimeout.bind(globalThis);
  }

  /** Whether this browser knows speech at all; it may have no voices all the same. */
  get isPossible() {
    return this.#synthesis !== undefined && this.#Utterance !== undefined;
  }

  /** Whether the browser waits for somebody to touch the page. */
  get isRefused() {
    return this.#isRefused;
  }

  /** @returns {SpeechSynthesisVoice[]} */
  get voices() {
    return this.#synthesis?.getVoices() ?? [];
  }

  /**
   * Tell of the voices, as soon as the browser has found them, and whenever they change. Some
   * browsers have none.
   *
   * @param {(voices: SpeechSynthesisVoice[]) => void} found
   */
  onVoices(found) {
    const tell = () => found(this.voices);
    this.#synthesis?.addEventListener?.("voiceschanged", tell);
    if (this.voices.length || !this.isPossible) {
      tell();
    } else {
      this.#setTimeout(tell, VOICES_WITHIN * 1000);
    }
  }

  /**
   * Say it all, one part after the other, and after what is being said. It ends whatever happens:
   * when all is said, when the browser can't, or takes too long, or by `stop`.
   *
   * @param {Part[]} parts
   * @param {Pick<Settings, "voice" | "rate" | "volume">} settings
   */
  async say(parts, settings) {
    if (!this.isPossible) return;
    while (this.#saying) await this.#saying;
    // Not a moment later: Safari lets a page begin to speak only while it handles a tap.
    const saying = this.#sayAll(parts, settings);
    this.#saying = saying;
    await saying;
    this.#saying = null;
  }

  /** Break off whatever is being said. */
  stop() {
    this.#finish?.();
    this.#synthesis?.cancel();
  }

  /** @param {Part[]} parts @param {Pick<Settings, "voice" | "rate" | "volume">} settings */
  async #sayAll(parts, settings) {
    let isStopped = false;
    for (const part of parts) {
      if (!isStopped) isStopped = await this.#sayPart(part, settings);
    }
  }

  /**
   * @param {Part} part
   * @param {Pick<Settings, "voice" | "rate" | "volume">} settings
   * @returns {Promise<boolean>} Whether it was stopped, or there is no hope for what follows either.
   */
  #sayPart({ text, lang }, { voice: wanted, rate, volume }) {
    const synthesis = /** @type {SpeechSynthesis} */ (this.#synthesis);
    const Utterance = /** @type {NonNullable<Browser["Utterance"]>} */ (this.#Utterance);
    const utterance = new Utterance(text);
    utterance.lang = this.#languageFor(lang);
    const voice = voiceFor(this.voices, utterance.lang, wanted);
    if (voice) utterance.voice = voice;
    utterance.rate = rate / 100;
    utterance.volume = volume / 100;
    return new Promise((resolve) => {
      const most = BEGINS_WITHIN + (text.length * PER_CHARACTER * 100) / rate;
      let hasBegun = false;
      const end = (/** @type {boolean} */ isStopped) => {
        this.#clearTimeout(timer);
        this.#finish = undefined;
        utterance.onstart = utterance.onend = utterance.onerror = null;
        resolve(isStopped);
      };
      // Chromium forgets its events if nothing holds the utterance, and Safari some of them anyway.
      const giveUp = () => {
        synthesis.cancel();
        end(!hasBegun && !this.voices.length);
      };
      let timer = this.#setTimeout(
        giveUp,
        this.voices.length ? most : BEGINS_WITHOUT_VOICES_WITHIN,
      );
      this.#finish = () => end(true);
      utterance.onstart = () => {
        this.#isRefused = false;
        hasBegun = true;
        this.#clearTimeout(timer);
        timer = this.#setTimeout(giveUp, most);
      };
      utterance.onend = () => end(false);
      utterance.onerror = ({ error }) => {
        this.#isRefused = error === "not-allowed";
        end(false);
      };
      synthesis.speak(utterance);
      synthesis.resume(); // Android's Chrome pauses when its page was in the background
    });
  }

  /** A comment's own language, unless no voice speaks it. @param {string} [lang] */
  #languageFor(lang) {
    if (!lang || isSame(lang, this.#language)) return this.#language;
    const { voices } = this;
    return voices.length && !voiceFor(voices, lang, "") ? this.#language : lang;
  }
}
