/**
 * The account page: checks the TikTok username as it is typed, sends the form of a new token once
 * only, and opens the setting that a link leads to.
 */

import { find } from "../shared/dom.js";

const CHECK_AFTER = 300; // ms without a key

/**
 * Say something beside a form.
 *
 * @param {HTMLElement} place
 * @param {string} text Empty to take back what was said.
 * @param {"" | "good" | "bad"} [kind]
 */
export function say(place, text, kind = "") {
  place.classList.toggle("good", kind === "good");
  place.classList.toggle("bad", kind === "bad");
  place.textContent = text;
}

/**
 * A JSON answer of the server.
 *
 * @param {string} address
 * @param {RequestInit} options
 * @returns {Promise<any>} Rejects when there is none, as for somebody who was signed out meanwhile.
 */
export async function ask(address, options) {
  const answer = await fetch(address, options);
  if (!answer.ok || answer.redirected) {
    throw new Error(`the server answered ${answer.status}`);
  }
  return answer.json();
}

/** @param {HTMLFormElement} form The TikTok username's. */
export function usernameIn(form) {
  return find("[name=tiktok_username]", HTMLInputElement, form);
}

/** @param {HTMLFormElement} form The TikTok username's. */
function checkAsTyped(form) {
  const input = usernameIn(form);
  const said = find("[data-said=username]", HTMLElement, form);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let asking = new AbortController();

  async function check() {
    asking = new AbortController();
    const query = new URLSearchParams({ value: input.value });
    try {
      const { username, problem } = await ask(`${form.dataset.check}?${query}`, {
        signal: asking.signal,
      });
      input.removeAttribute("aria-invalid");
      if (problem) {
        input.setAttribute("aria-invalid", "true");
        say(said, problem, "bad");
      } else {
        say(said, username && username !== input.value ? `→ @${username}` : "");
      }
    } catch {
      // Typed on, or no answer: saving tells the same.
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    asking.abort();
    timer = setTimeout(check, CHECK_AFTER);
  });
  // Typed before this script was there, or put back by the browser.
  if (input.value !== input.defaultValue) {
    check();
  }
}

/**
 * A second click would be answered with a page that no longer shows what the first one got.
 *
 * @param {HTMLFormElement} form
 */
function sendOnce(form) {
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) {
      event.preventDefault();
    }
    sent = true;
  });
  // Back on the page with the Back button.
  addEventListener("pageshow", () => {
    sent = false;
  });
}

/** Open the setting that the address names, as links from other pages do. */
function openNamed() {
  const named = document.getElementById(location.hash.slice(1));
  if (named instanceof HTMLDetailsElement) {
    named.open = true;
    named.scrollIntoView();
  }
}

checkAsTyped(find("form[data-check]", HTMLFormElement));
sendOnce(find("form[data-once]", HTMLFormElement));
openNamed();
addEventListener("hashchange", openNamed);
