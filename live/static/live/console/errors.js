/** Errors: each in a snackbar for a while, and then in a list for as long as the page is open. */

import { byId, make, setText } from "../../shared/dom.js";
import { exactTimeOfDay, number, timeOfDay } from "../../shared/format.js";
import { countDown } from "./countdown.js";
import { passes, remedyOf } from "./remedies.js";

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
export class Errors {
  #snackbar = byId("snackbar");
  #list = byId("past-list");
  #past = byId("past");
  #count = byId("past-count");
  #badge = byId("past-badge");
  #badgeCount = byId("past-badge-count");
  #accountAddress;
  #tryNow;
  #stopCounting = () => {};
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {string} accountAddress @param {() => void} tryNow Connects at once. */
  constructor(accountAddress, tryNow) {
    this.#accountAddress = accountAddress;
    this.#tryNow = tryNow;
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
    const action = this.#actionOf(problem) ?? this.#tryNowOf(problem);
    if (action) words.append(make("p", "action", action));
    byId("alert").replaceChildren(words);
    this.#snackbar.classList.toggle("passing", passes(problem.code));
    this.#snackbar.hidden = false;
    this.#timer = setTimeout(() => this.dismiss(), VISIBLE_FOR * 1000);
  }

  dismiss() {
    clearTimeout(this.#timer);
    this.#stopCounting();
    if (this.#snackbar.contains(document.activeElement)) focusNear();
    this.#snackbar.hidden = true;
    byId("alert").replaceChildren();
  }

  /** @param {Problem} problem */
  #keep(problem) {
    const time = make("time", "", exactTimeOfDay(Date.now()));
    time.setAttribute("datetime", new Date().toISOString());
    const head = make("p", "", time, " ", make("strong", "", problem.title));
    const kept = make("li", "", head, ...this.#paragraphs(problem));
    const action = this.#actionOf(problem);
    if (action) kept.append(make("p", "", action));
    if (problem.retry_after) kept.append(make("p", "", possibleAgain(problem.retry_after)));
    this.#list.prepend(kept);
    while (this.#list.childElementCount > MAX_KEPT) this.#list.lastElementChild?.remove();
    this.#past.hidden = false;
    this.#count.textContent = number(this.#list.childElementCount);
    this.#badge.hidden = false;
    this.#badgeCount.textContent = number(this.#list.childElementCount);
  }

  /** @param {Problem} problem */
  #paragraphs({ code, detail, hint }) {
    const paragraphs = [make("p", "", detail)];
    if (hint && !RETRIED.has(code ?? "")) paragraphs.push(make("p", "hint", hint));
    return paragraphs;
  }

  /** The page where it can be mended. @param {Problem} problem */
  #actionOf({ code, retry_after: retryAfter }) {
    const remedy = remedyOf(code, retryAfter);
    if (remedy === "account") return link(gettext("Open the account page"), this.#accountAddress);
    if (remedy === "api-key") {
      return link(gettext("Use an API key of your own"), `${this.#accountAddress}#id_new_sign_api_key`);
    }
    if (remedy === "reload") return link(gettext("Load the page again"), location.pathname);
    return null;
  }

  /** @param {Problem} problem */
  #tryNowOf({ code, retry_after: retryAfter }) {
    if (remedyOf(code, retryAfter) !== "retry") return null;
    const button = make("button", "second", gettext("Try now"));
    button.setAttribute("type", "button");
    button.addEventListener("click", () => {
      this.dismiss();
      this.#tryNow();
    });
    return button;
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
    return make("p", "countdown", make("span", "spoken", possibleAgain(seconds)), shown);
  }
}

/** @param {number} seconds From now. */
function possibleAgain(seconds) {
  const time = timeOfDay(Date.now() + seconds * 1000);
  return interpolate(gettext("Possible again at %(time)s"), { time }, true);
}

/** @param {string} text @param {string} address */
function link(text, address) {
  const made = make("a", "", text);
  made.setAttribute("href", address);
  return made;
}

/** What had the focus is gone: the next control that is there gets it. */
function focusNear() {
  const button = byId("connect");
  (button.hidden ? byId("feed") : button).focus({ preventScroll: true });
}
