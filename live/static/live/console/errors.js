/** Errors: each in a snackbar for a while, and then in a list for as long as the page is open. */

import { countDown } from "./countdown.js";
import { byId, element } from "./elements.js";
import { duration, exactTimeOfDay, gettext, interpolate, number, timeOfDay } from "./i18n.js";

/**
 * What there is to tell of an error; the relay's, or the page's own.
 *
 * @typedef {Pick<import("../relay-client.js").RelayError, "title" | "detail">
 *   & Partial<import("../relay-client.js").RelayError>} Problem
 */

const VISIBLE_FOR = 8; // s
const MAX_KEPT = 100;
/** What people mend on their account page. */
const MENDED_IN_ACCOUNT = new Set(["username_missing", "username_invalid", "user_not_found"]);

export class Errors {
  #snackbar = byId("snackbar");
  #list = byId("past-list");
  #past = byId("past");
  #count = byId("past-count");
  #accountAddress;
  #stopCounting = () => {};
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {string} accountAddress */
  constructor(accountAddress) {
    this.#accountAddress = accountAddress;
    byId("dismiss").addEventListener("click", () => this.dismiss());
    document.addEventListener("keydown", ({ key }) => key === "Escape" && this.dismiss());
  }

  /** @param {Problem} problem */
  show(problem) {
    this.dismiss();
    this.#keep(problem);
    const words = element("div", "words", element("strong", "", problem.title));
    words.append(...this.#paragraphs(problem));
    if (problem.retry_after) words.append(this.#countdown(problem.retry_after));
    byId("alert").replaceChildren(words);
    this.#snackbar.hidden = false;
    this.#timer = setTimeout(() => this.dismiss(), VISIBLE_FOR * 1000);
  }

  dismiss() {
    clearTimeout(this.#timer);
    this.#stopCounting();
    if (this.#snackbar.contains(document.activeElement)) byId("connect").focus();
    this.#snackbar.hidden = true;
    byId("alert").replaceChildren();
  }

  /** @param {Problem} problem */
  #keep(problem) {
    const time = element("time", "", exactTimeOfDay(Date.now()));
    time.setAttribute("datetime", new Date().toISOString());
    const head = element("p", "", time, " ", element("strong", "", problem.title));
    const kept = element("li", "", head, ...this.#paragraphs(problem));
    if (problem.retry_after) {
      const again = timeOfDay(Date.now() + problem.retry_after * 1000);
      const text = interpolate(gettext("Possible again at %(time)s"), { time: again }, true);
      kept.append(element("p", "", text));
    }
    this.#list.prepend(kept);
    while (this.#list.childElementCount > MAX_KEPT) this.#list.lastElementChild?.remove();
    this.#past.hidden = false;
    this.#count.textContent = number(this.#list.childElementCount);
  }

  /** @param {Problem} problem */
  #paragraphs({ code, detail, hint }) {
    const paragraphs = [element("p", "", detail)];
    if (hint) paragraphs.push(element("p", "hint", hint));
    if (MENDED_IN_ACCOUNT.has(code ?? "")) {
      const link = element("a", "", gettext("Open the account page"));
      link.setAttribute("href", this.#accountAddress);
      paragraphs.push(element("p", "", link));
    }
    return paragraphs;
  }

  /** Counts for the eye; said once, since an alert that changes is said again. @param {number} seconds */
  #countdown(seconds) {
    const text = gettext("Try again in %(duration)s");
    const shown = element("span", "");
    shown.setAttribute("aria-hidden", "true");
    this.#stopCounting = countDown(seconds, (left) => {
      shown.textContent = left
        ? interpolate(text, { duration: left }, true)
        : gettext("Try again now");
    });
    const said = interpolate(text, { duration: duration(seconds) }, true);
    return element("p", "countdown", element("span", "visually-hidden", said), shown);
  }
}
