/** The page of what is read aloud: this browser's voices, and what the settings sound like. */

import { byId, find, make } from "../../shared/dom.js";
import { language } from "../../shared/format.js";
import { sample } from "./phrases.js";
import { Sounds } from "./sounds.js";
import { Speaker } from "./speaker.js";
import { isSame } from "./voices.js";

const form = byId("aloud-form", HTMLFormElement);
const voices = find("[name=voice]", HTMLSelectElement, form);
const test = byId("test-voice", HTMLButtonElement);
const speaker = new Speaker(language);
const sounds = new Sounds();
/** Of all sounds that can be chosen. @type {Record<string, string>} */
const addresses = JSON.parse(byId("sound-addresses").textContent ?? "{}");

/** @param {string} name Of a field. */
function valueOf(name) {
  return find(`[name=${name}]`, HTMLInputElement, form).valueAsNumber;
}

/** Offer the browser's voices, those of the page's language first. @param {SpeechSynthesisVoice[]} found */
function offer(found) {
  const chosen = voices.value;
  const isHere = found.some(({ name }) => name === chosen);
  const own = found.filter(({ lang }) => isSame(lang, language));
  const others = found.filter((voice) => !own.includes(voice));
  others.sort((a, b) => a.lang.localeCompare(b.lang) || a.name.localeCompare(b.name));
  const options = [...own, ...others].map((voice) => {
    return new Option(`${voice.name} (${voice.lang})`, voice.name);
  });
  if (chosen && !isHere) {
    const text = gettext("%(name)s (not in this browser)");
    options.unshift(new Option(interpolate(text, { name: chosen }, true), chosen));
  }
  voices.replaceChildren(voices.options[0], ...options);
  voices.value = chosen;
  tellOf(found);
}

/** Say so if nothing will be heard. @param {SpeechSynthesisVoice[]} found */
function tellOf(found) {
  const said = byId("voices-said");
  said.hidden = found.length > 0;
  said.textContent = speaker.isPossible
    ? gettext("No voices in this browser: sounds only.")
    : gettext("This browser can't speak: sounds only.");
}

/** Show the value of a slider beside its label. @param {HTMLInputElement} slider */
function showValue(slider) {
  const label = find(`label[for=${slider.id}]`, HTMLLabelElement, form);
  const value = make("output", "");
  const show = () => (value.textContent = slider.value);
  label.append(": ", value);
  slider.addEventListener("input", show);
  show();
}

/** @param {string | undefined} choice Of a sound. */
function play(choice) {
  sounds.unlock();
  sounds.stop();
  if (choice && addresses[choice]) sounds.play(addresses[choice], valueOf("sound_volume"));
}

form.querySelectorAll("input[type=range]").forEach((slider) => {
  showValue(/** @type {HTMLInputElement} */ (slider));
});

// Some browsers speak, though they tell of no voices.
test.disabled = !speaker.isPossible;
test.addEventListener("click", () => {
  speaker.stop();
  speaker.say(sample(), {
    voice: voices.value,
    rate: valueOf("rate"),
    volume: valueOf("volume"),
  });
});

for (const button of document.querySelectorAll("button[data-play], button[data-play-chosen]")) {
  const { dataset } = /** @type {HTMLElement} */ (button);
  /** @type {HTMLButtonElement} */ (button).disabled = false;
  button.addEventListener("click", () => {
    const { playChosen } = dataset;
    play(playChosen ? byId(playChosen, HTMLSelectElement).value : dataset.play);
  });
}

speaker.onVoices(offer);
