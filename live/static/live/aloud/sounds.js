/**
 * Plays short sounds, loaded once each.
 *
 * By Web Audio, which decodes bytes: an `<audio>` would need another Content-Security-Policy, and on
 * iPhones a tap for each sound.
 */

/** A sound that is as good as never ending would hold up all others: in seconds. */
const LONGEST = 10;
/** Milliseconds for which a browser is given to start its audio; without a tap, it never does. */
const STARTS_WITHIN = 500;

export class Sounds {
  #makeContext;
  /** @type {AudioContext | null} */
  #context = null;
  /** By address; null for what can't be played. @type {Map<string, Promise<AudioBuffer | null>>} */
  #loaded = new Map();
  /** @type {(() => void) | undefined} */
  #finish;

  /** @param {() => AudioContext} [makeContext] */
  constructor(makeContext = () => new AudioContext()) {
    this.#makeContext = makeContext;
  }

  /** Browsers let a page make noise after a tap only: call it in the handler of one. */
  unlock() {
    this.#ready()?.resume().catch(() => {});
  }

  /**
   * Play a sound to its end. What can't be loaded or played is silent; nothing throws.
   *
   * @param {string} address
   * @param {number} volume In percent.
   */
  async play(address, volume) {
    const context = this.#ready();
    if (!context || volume <= 0) return;
    const buffer = await this.#load(context, address);
    if (!buffer || !(await isRunning(context))) return;
    const source = new AudioBufferSourceNode(context, { buffer });
    const gain = new GainNode(context, { gain: volume / 100 });
    source.connect(gain).connect(context.destination);
    await new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        source.onended = null;
        this.#finish = undefined;
        resolve(undefined);
      };
      const seconds = Math.min(buffer.duration, LONGEST);
      const timer = setTimeout(() => this.#finish?.(), seconds * 1000 + 500);
      this.#finish = () => {
        source.stop();
        end();
      };
      source.onended = end;
      source.start(0, 0, seconds);
    });
    gain.disconnect();
  }

  stop() {
    this.#finish?.();
  }

  /** Null where the browser has no Web Audio. */
  #ready() {
    try {
      this.#context ??= this.#makeContext();
    } catch {
      return null;
    }
    return this.#context;
  }

  /** @param {AudioContext} context @param {string} address */
  #load(context, address) {
    let loading = this.#loaded.get(address);
    if (!loading) {
      loading = fetched(context, address);
      this.#loaded.set(address, loading);
      // A network that failed once need not fail again.
      loading.then((buffer) => buffer || this.#loaded.delete(address));
    }
    return loading;
  }
}

/**
 * Whether the browser's audio runs. A context that still waits for a tap would play a sound much
 * later, and never tell its end.
 *
 * @param {AudioContext} context
 */
async function isRunning(context) {
  if (context.state !== "running") {
    const late = new Promise((resolve) => setTimeout(resolve, STARTS_WITHIN));
    await Promise.race([context.resume().catch(() => {}), late]);
  }
  return context.state === "running";
}

/** @param {AudioContext} context @param {string} address @returns {Promise<AudioBuffer | null>} */
async function fetched(context, address) {
  try {
    const answer = await fetch(address);
    if (!answer.ok) return null;
    return await context.decodeAudioData(await answer.arrayBuffer());
  } catch {
    return null;
  }
}
