/** Errors: each in a snackbar for a while, and then in a list for as long as the page is open. */

import { byId, make, setText } from "../../shared/dom.js";
import { exactTimeOfDay, number, timeOfDay } from "../../shared/format.js";
import { countDown } from "./countdown.js";

/**
 * What there is to tell of an error; the relay's, or the page's own.
 *
 * @typedef {Pick<import("../relay-client.js").RelayError, "title" | "detail">
 *   & Partial<import("../relay-client.js").RelayError>} Problem
 */

const VISIBLE_FOR = 8; // s
const MAX_KEPT = 100;
/** Whose hint is to connect again, which the client does by itself. */
const RETRIED = new Set(["connection_lost", "too_slow"]);
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
    const words = make("div", "words", make("strong", "", problem.title));
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
    const time = make("time", "", exactTimeOfDay(Date.now()));
    time.setAttribute("datetime", new Date().toISOString());
    const head = make("p", "", time, " ", make("strong", "", problem.title));
    const kept = make("li", "", head, ...this.#paragraphs(problem));
    if (problem.retry_after) kept.append(make("p", "", possibleAgain(problem.retry_after)));
    this.#list.prepend(kept);
    while (this.#list.childElementCount > MAX_KEPT) this.#list.lastElementChild?.remove();
    this.#past.hidden = false;
    this.#count.textContent = number(this.#list.childElementCount);
  }

  /** @param {Problem} problem */
  #paragraphs({ code, detail, hint }) {
    const paragraphs = [make("p", "", detail)];
    if (hint && !RETRIED.has(code ?? "")) paragraphs.push(make("p", "hint", hint));
    if (MENDED_IN_ACCOUNT.has(code ?? "")) {
      const link = make("a", "", gettext("Open the account page"));
      link.setAttribute("href", this.#accountAddress);
      paragraphs.push(make("p", "", link));
    }
    return paragraphs;
  }

  /**
   * Counts for the eye. Those who listen hear the time when it ends, which stays right: an alert
   * that changes is said again, and one that does not would fall behind.
   *
   * @param {number} seconds
   */
  #countdown(seconds) {
    const shown = make("span", "");
    shown.setAttribute("aria-hidden", "true");
    this.#stopCounting = countDown(seconds, (left) => {
      const text = gettext("Try again in %(duration)s");
      setText(shown, left ? interpolate(text, { duration: left }, true) : gettext("Try again now"));
    });
    return make("p", "countdown", make("span", "visually-hidden", possibleAgain(seconds)), shown);
  }
}

/** @param {number} seconds From now. */
function possibleAgain(seconds) {
  const time = timeOfDay(Date.now() + seconds * 1000);
  return interpolate(gettext("Possible again at %(time)s"), { time }, true);
}
