/** Reading aloud in the console: its switches, and what they say of this browser. */

import { byId, setText } from "../../shared/dom.js";
import { language } from "../../shared/format.js";
import { Aloud } from "../aloud/aloud.js";
import { greeting, sample } from "../aloud/phrases.js";
import { canKeepScreenOn, ScreenLock } from "../aloud/screen-lock.js";
import { loadSettings } from "../aloud/settings.js";
import { Sounds } from "../aloud/sounds.js";
import { Speaker } from "../aloud/speaker.js";

/** @typedef {import("../aloud/settings.js").Settings} Settings */
/** @typedef {import("../relay-client.js").Frame} Frame */

/** What this browser remembers; other browsers of the account may be silent. */
const ALOUD = "aloud-on";
const SCREEN = "screen-on";
/** What a browser counts as a touch of the page. */
const TOUCHES = ["pointerup", "keydown"];

const WORDS = {
  off: gettext("off"),
  on: gettext("on"),
  tap: gettext("tap the page to start"),
  mute: gettext("no voices here: sounds only"),
  failed: gettext("the settings can't be loaded"),
};

export class AloudPanel {
  #panel = byId("aloud");
  #state = byId("aloud-state");
  #switch = byId("aloud-on", HTMLInputElement);
  #volume = byId("aloud-volume", HTMLInputElement);
  #speaker = new Speaker(language);
  #sounds = new Sounds();
  #aloud = new Aloud(this.#speaker, this.#sounds);
  #screen = new ScreenLock();
  #csrf;
  /** @type {Settings | null} */
  #settings = null;
  #hasFailed = false;
  /** Whether somebody has touched the page, so that it may speak. */
  #isTouched = navigator.userActivation?.hasBeenActive ?? false;
  #hasVoices = true;
  #onTouch = () => this.#begin();

  /** @param {string} csrf The token of the page's forms. */
  constructor(csrf) {
    this.#csrf = csrf;
    this.#switch.checked = localStorage.getItem(ALOUD) === "yes";
    this.#switch.addEventListener("change", () => this.#onSwitched());
    this.#volume.addEventListener("change", () => this.#changeVolume());
    byId("aloud-test").addEventListener("click", () => this.#test());
    byId("aloud-skip").addEventListener("click", () => this.#aloud.skip());
    this.#keepScreenOn();
    this.#speaker.onVoices((voices) => {
      this.#hasVoices = voices.length > 0;
      this.#show();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#load(); // they may have been changed in another tab
    });
    this.#load();
    if (this.#switch.checked) this.#start();
    this.#show();
  }

  /** @param {Frame} frame */
  take(frame) {
    this.#aloud.take(frame);
  }

  reset() {
    this.#aloud.reset();
  }

  // --- On and off --------------------------------------------------------------------------------

  #onSwitched() {
    localStorage.setItem(ALOUD, this.#switch.checked ? "yes" : "no");
    this.#isTouched = true;
    if (this.#switch.checked) this.#begin();
    else this.#stop();
    this.#show();
  }

  /** At once if the page was touched before, else at the first touch. */
  #start() {
    if (this.#isTouched) {
      this.#begin();
    } else {
      for (const type of TOUCHES) document.addEventListener(type, this.#onTouch, true);
    }
  }

  /** In the handler of a touch: the browser lets this page speak and sound from now on. */
  #begin() {
    this.#forgetTouches();
    if (!this.#switch.checked) return;
    this.#isTouched = true;
    this.#sounds.unlock();
    this.#aloud.start();
    this.#greet();
    this.#show();
  }

  /** What is said in a touch's handler unlocks what is said later; if not, another touch has to. */
  async #greet() {
    await this.#speaker.say(greeting(), this.#settings ?? { voice: "", rate: 100, volume: 100 });
    if (!this.#speaker.isRefused || !this.#switch.checked) return;
    this.#isTouched = false;
    this.#start();
    this.#show();
  }

  #stop() {
    this.#forgetTouches();
    this.#aloud.stop();
  }

  #forgetTouches() {
    for (const type of TOUCHES) document.removeEventListener(type, this.#onTouch, true);
  }

  #test() {
    this.#sounds.unlock();
    this.#aloud.skip();
    if (this.#settings) this.#speaker.say(sample(), this.#settings);
  }

  // --- The settings ------------------------------------------------------------------------------

  async #load() {
    try {
      this.#use(await loadSettings(this.#panel.dataset.settings ?? ""));
      this.#hasFailed = false;
    } catch {
      this.#hasFailed = !this.#settings; // those that it has still do
    }
    this.#show();
  }

  /** @param {Settings} settings */
  #use(settings) {
    this.#settings = settings;
    this.#aloud.change(settings);
    this.#volume.value = String(settings.volume);
    this.#volume.disabled = false;
  }

  /** For all browsers of the account, as the other settings. */
  async #changeVolume() {
    const volume = this.#volume.valueAsNumber;
    if (this.#settings) this.#use({ ...this.#settings, volume });
    try {
      await fetch(this.#panel.dataset.volume ?? "", {
        method: "POST",
        headers: { "X-CSRFToken": this.#csrf },
        body: new URLSearchParams({ volume: String(volume) }),
      });
    } catch {
      // Here it is as it was set; the server keeps the one before.
    }
  }

  // --- The screen --------------------------------------------------------------------------------

  #keepScreenOn() {
    const box = byId("screen-on", HTMLInputElement);
    box.disabled = !canKeepScreenOn();
    byId("screen-said").hidden = canKeepScreenOn();
    box.checked = !box.disabled && localStorage.getItem(SCREEN) === "yes";
    box.addEventListener("change", () => {
      localStorage.setItem(SCREEN, box.checked ? "yes" : "no");
      this.#screen.want(box.checked);
    });
    this.#screen.want(box.checked);
  }

  // --- What is said of all this ------------------------------------------------------------------

  #show() {
    const state = this.#currentState();
    this.#state.dataset.state = state;
    setText(this.#state, WORDS[state]);
  }

  /** @returns {keyof typeof WORDS} */
  #currentState() {
    if (!this.#switch.checked) return "off";
    if (this.#hasFailed) return "failed";
    if (!this.#isTouched) return "tap";
    return this.#hasVoices && this.#speaker.isPossible ? "on" : "mute";
  }
}
