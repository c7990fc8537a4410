/** The chips that say what the feed shows, remembered while the tab is open; and the lines' times. */

import { byId } from "../../shared/dom.js";

/** @typedef {import("./kept.js").Filter} Filter */

const FILTER = "console-filter";
const TIMES = "console-times";

export class Filters {
  #chips = [...byId("filters").querySelectorAll("button")];

  /** @param {(filter: Filter) => void} changed */
  constructor(changed) {
    for (const chip of this.#chips) {
      chip.addEventListener("click", () => {
        sessionStorage.setItem(FILTER, chip.dataset.filter ?? "");
        this.#press(chip, changed);
      });
    }
    const before = sessionStorage.getItem(FILTER);
    const chosen = this.#chips.find(({ dataset }) => dataset.filter === before);
    if (chosen && before !== "all") this.#press(chosen, changed);
  }

  /** @param {HTMLButtonElement} pressed @param {(filter: Filter) => void} changed */
  #press(pressed, changed) {
    for (const chip of this.#chips) chip.setAttribute("aria-pressed", String(chip === pressed));
    changed(/** @type {Filter} */ (pressed.dataset.filter));
  }
}

/** The switch that shows the time of each line; a browser keeps it. */
export function switchTimes() {
  const box = byId("times-on", HTMLInputElement);
  const show = () => byId("feed").classList.toggle("has-times", box.checked);
  box.checked = localStorage.getItem(TIMES) === "yes";
  box.addEventListener("change", () => {
    localStorage.setItem(TIMES, box.checked ? "yes" : "no");
    show();
  });
  show();
}
