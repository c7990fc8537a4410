/** Reads aloud: nothing to be seen, or a label with what is being read. */

import { make } from "../../../shared/dom.js";
import { Aloud as Reader } from "../../aloud/aloud.js";
import { greeting } from "../../aloud/phrases.js";
import { loadSettings } from "../../aloud/settings.js";
import { Sounds } from "../../aloud/sounds.js";
import { Speaker } from "../../aloud/speaker.js";
import { animate } from "../stage.js";

/** @typedef {import("../stage.js").Stage} Stage */
/** @typedef {import("../../aloud/queue.js").Announcement} Announcement */
/** @typedef {import("../../aloud/settings.js").Settings} Settings */
/** @typedef {import("../../relay-client.js").Frame} Frame */

/** What a browser counts as a touch of the page. */
const TOUCHES = ["pointerup", "keydown"];
const { dataset } = document.body;
/** Beside the form, made-up events come all the time: there, only tests are heard. */
const isPreview = dataset.mode === "preview";

export class Aloud {
  #stage;
  #speaker = new Speaker(document.documentElement.lang);
  #sounds = new Sounds();
  #reader;
  #label = make("p", "aloud");
  /** What is being heard. @type {Announcement | null} */
  #heard = null;
  /** @type {Announcement | null} */
  #painted = null;
  #hasVoices = true;
  /** Those that the account has chosen; null until they have come. @type {Settings | null} */
  #settings = null;

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    this.#reader = new Reader(this.#speaker, this.#sounds, {
      onHear: (announcement) => {
        this.#heard = announcement;
        stage.changed();
      },
    });
    stage.root.append(this.#label);
    this.#speaker.onVoices((voices) => {
      this.#hasVoices = voices.length > 0;
      stage.changed();
    });
    // OBS lets pages speak and sound at once; other browsers want to be touched first.
    for (const type of TOUCHES) document.addEventListener(type, () => this.#onTouch(), true);
    this.#reader.start();
  }

  /** New options; the server sends the old ones again when the account's settings have changed. */
  apply() {
    if (isPreview && this.#settings) this.#use(this.#settings);
    else this.#load();
  }

  /** @param {Frame & { isTest?: boolean }} frame */
  take(frame) {
    if (frame.isTest) this.#reader.test(frame);
    else if (!isPreview) this.#reader.take(frame);
    if (frame.type === "connected" && !this.#settings) this.#load();
  }

  paint() {
    const text = this.#text();
    this.#label.hidden = !text;
    this.#label.textContent = text;
    if (this.#heard && this.#heard !== this.#painted) {
      const from = this.#stage.isReduced ? {} : { transform: "translateY(.5rem)" };
      animate(this.#label, [{ opacity: 0, ...from }, { opacity: 1 }], { duration: 200 });
    }
    this.#painted = this.#heard;
  }

  /** Be silent from now on. */
  end() {
    this.#reader.stop();
  }

  /** The browser lets the page speak and sound from now on. */
  #onTouch() {
    this.#sounds.unlock();
    if (this.#speaker.isRefused && this.#settings) this.#speaker.say(greeting(), this.#settings);
  }

  /** What the label says; why nothing is heard, if that is so. */
  #text() {
    if (this.#stage.options.style === "hidden") return "";
    if (this.#speaker.isRefused) return this.#stage.text("touch");
    if (this.#heard?.parts.length) return this.#heard.parts.map(({ text }) => text).join(" ");
    return this.#hasVoices ? "" : this.#stage.text("no voices");
  }

  async #load() {
    try {
      this.#settings = await loadSettings(dataset.aloud ?? "");
      this.#use(this.#settings);
    } catch {
      // The network. With the next connection, they are asked for again.
    }
  }

  /** The account's settings, as loud as this overlay is to be. @param {Settings} settings */
  #use(settings) {
    const part = this.#stage.options.volume / 100;
    this.#reader.change({
      ...settings,
      volume: settings.volume * part,
      sound_volume: settings.sound_volume * part,
    });
  }
}
