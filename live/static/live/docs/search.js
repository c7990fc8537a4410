/**
 * The search: a field, and below it what was found. It is a combobox with a list, as in the pattern of
 * the ARIA Authoring Practices: arrows choose, Enter goes there, Escape closes. `/` leads to it.
 */

import { find, make, setText } from "../../shared/dom.js";
import { rank } from "./ranking.js";

/** @typedef {import("./ranking.js").Entry} Entry */

const MOST = 12;
/** Characters of what an entry says. */
const TEXT = 160;

export class Search {
  #field;
  #list;
  #count;
  #address;
  /** Asked for when the field is first used. @type {Promise<Entry[]> | null} */
  #index = null;
  /** @type {Entry[]} */
  #found = [];
  #chosen = -1;

  /** @param {HTMLElement} place The element with the field and the list. */
  constructor(place) {
    this.#field = find("input", HTMLInputElement, place);
    this.#list = find("[role=listbox]", HTMLElement, place);
    this.#count = find("[role=status]", HTMLElement, place);
    this.#address = place.dataset.index ?? "";
    this.#field.addEventListener("focus", () => this.#load());
    this.#field.addEventListener("input", () => this.#look());
    this.#field.addEventListener("keydown", (event) => this.#onKey(event));
    this.#list.addEventListener("click", (event) => this.#onClick(event));
    place.addEventListener("focusout", (event) => {
      if (!(event.relatedTarget instanceof Node && place.contains(event.relatedTarget))) {
        this.#close();
      }
    });
    // So that a click on the list does not take the focus, which would close it before.
    this.#list.addEventListener("mousedown", (event) => event.preventDefault());
    document.addEventListener("keydown", (event) => this.#onShortcut(event));
  }

  /** @returns {Promise<Entry[]>} */
  #load() {
    this.#index ??= fetch(this.#address).then((answer) => {
      if (!answer.ok) throw new Error(`no index: ${answer.status}`);
      return answer.json();
    });
    // A failure is said when somebody looks; the next look tries again.
    this.#index.catch(() => (this.#index = null));
    return this.#index;
  }

  async #look() {
    const query = this.#field.value;
    let entries;
    try {
      entries = await this.#load();
    } catch {
      this.#show([], gettext("The search can't be reached."));
      return;
    }
    if (query !== this.#field.value) return; // somebody has typed on meanwhile
    if (!query.trim()) {
      this.#close();
      return;
    }
    const found = rank(entries, query, MOST);
    this.#show(found, found.length ? "" : gettext("Nothing found."));
  }

  /**
   * @param {Entry[]} found
   * @param {string} problem What to say instead of them.
   */
  #show(found, problem) {
    this.#found = found;
    const items = found.map((entry, index) => this.#item(entry, index));
    if (problem) {
      const item = make("li", "nothing", problem);
      item.setAttribute("role", "option");
      item.setAttribute("aria-disabled", "true");
      items.push(item);
    }
    this.#list.replaceChildren(...items);
    this.#list.hidden = false;
    this.#field.setAttribute("aria-expanded", "true");
    const said = ngettext("%s found", "%s found", found.length);
    setText(this.#count, problem || interpolate(said, [found.length]));
    this.#choose(found.length ? 0 : -1);
  }

  /** @param {Entry} entry @param {number} index */
  #item([name, kind, , text], index) {
    const item = make("li", "", make("span", "name", name), " ", make("span", "kind", kind));
    if (text) item.append(make("span", "text", text.slice(0, TEXT)));
    item.id = `found-${index}`;
    item.setAttribute("role", "option");
    return item;
  }

  /** @param {number} index */
  #choose(index) {
    this.#chosen = index;
    [...this.#list.children].forEach((item, at) => {
      item.setAttribute("aria-selected", String(at === index));
      if (at === index) item.scrollIntoView({ block: "nearest" });
    });
    if (index >= 0) this.#field.setAttribute("aria-activedescendant", `found-${index}`);
    else this.#field.removeAttribute("aria-activedescendant");
  }

  #close() {
    this.#list.hidden = true;
    this.#field.setAttribute("aria-expanded", "false");
    this.#choose(-1);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const count = this.#found.length;
    const isOpen = !this.#list.hidden;
    if (event.key === "Escape" && isOpen) this.#close();
    else if (event.key === "Enter" && isOpen && this.#chosen >= 0) this.#go(this.#chosen);
    else if (event.key === "ArrowDown" && isOpen && count) this.#choose((this.#chosen + 1) % count);
    else if (event.key === "ArrowUp" && isOpen && count)
      this.#choose((this.#chosen - 1 + count) % count);
    else if (event.key === "ArrowDown") this.#look();
    else return;
    event.preventDefault();
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const item = event.target instanceof Element ? event.target.closest("li") : null;
    const index = item ? [...this.#list.children].indexOf(item) : -1;
    if (index >= 0 && index < this.#found.length) this.#go(index);
  }

  /** @param {number} index */
  #go(index) {
    const address = this.#found[index]?.[2];
    if (!address) return;
    this.#close();
    this.#field.blur();
    location.assign(address);
  }

  /** @param {KeyboardEvent} event */
  #onShortcut(event) {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    if (target instanceof Element && target.closest("input, select, textarea")) return;
    event.preventDefault();
    this.#field.focus();
    this.#field.select();
  }
}
