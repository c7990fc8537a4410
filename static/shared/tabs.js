/**
 * Tabs: shows one of several parts of a page at a time. By keyboard as in the pattern "Tabs" of the
 * ARIA Authoring Practices: arrow keys, Home and End.
 *
 * `<div data-tabs="<id of the heading>">` has the parts, each an element with an id and the tab's
 * name in `data-tab`. Without this script all parts are shown below each other.
 */

import { make } from "./dom.js";

/** The tab that has the focus after a key, by how many steps it is away. */
const STEPS = new Map([
  ["ArrowRight", 1],
  ["ArrowLeft", -1],
]);

class Tabs {
  /** @param {HTMLElement} place The element with `data-tabs`. */
  constructor(place) {
    this.panels = [...place.querySelectorAll("[data-tab]")].filter(
      (panel) => panel instanceof HTMLElement,
    );
    this.tabs = this.panels.map((panel) => this.#tabOf(panel));
    const list = make("div", "tabs", ...this.tabs);
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-labelledby", place.dataset.tabs ?? "");
    list.addEventListener("keydown", (event) => this.#onKey(event));
    place.prepend(list);
    place.classList.add("tabbed");
    this.choose(0);
  }

  /** @param {number} chosen */
  choose(chosen) {
    this.tabs.forEach((tab, index) => {
      tab.setAttribute("aria-selected", String(index === chosen));
      tab.tabIndex = index === chosen ? 0 : -1;
    });
    this.panels.forEach((panel, index) => {
      panel.hidden = index !== chosen;
    });
  }

  /** @param {HTMLElement} panel */
  #tabOf(panel) {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.id = `${panel.id}-tab`;
    tab.textContent = panel.dataset.tab ?? "";
    tab.translate = false;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panel.id);
    tab.addEventListener("click", () => this.choose(this.tabs.indexOf(tab)));
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    return tab;
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const count = this.tabs.length;
    const now = this.tabs.findIndex((tab) => tab === document.activeElement);
    const step = STEPS.get(event.key);
    let next;
    if (step !== undefined) next = (now + step + count) % count;
    else if (event.key === "Home") next = 0;
    else if (event.key === "End") next = count - 1;
    else return;
    event.preventDefault();
    this.choose(next);
    this.tabs[next]?.focus();
  }
}

for (const place of document.querySelectorAll("[data-tabs]")) {
  if (place instanceof HTMLElement) new Tabs(place);
}
