/**
 * Keeps the staff's pages of the connection log up to date. The server renders: the list is asked
 * for again when the staff's socket says that rows were written, an open connection every few
 * seconds. Without this the pages are as good, and are reloaded by hand.
 */

import { watch } from "../staff-socket.js";
import { onNews, refresh, SignedOut } from "../update.js";

// Milliseconds.
const BETWEEN_REFRESHES = 1000;
const BETWEEN_LOOKS = 3000;
const BETWEEN_ANNOUNCEMENTS = 10_000;

const news = /** @type {HTMLElement} */ (document.querySelector("#news"));

function sayItIsOver() {
  news.textContent = gettext("This page is no longer updated. Reload it.");
}

// --- The list --------------------------------------------------------------------------------------

/** @param {HTMLElement} rows */
function followList(rows) {
  const button = /** @type {HTMLButtonElement} */ (document.querySelector("#live-updates"));
  let over = false;
  const isOn = () => !over && button.getAttribute("aria-checked") === "true";
  const announce = announcer();

  async function look() {
    const before = keys(rows);
    try {
      await refresh(rows);
    } catch (error) {
      if (error instanceof SignedOut) stop();
      throw error;
    }
    announce([...keys(rows)].filter((key) => !before.has(key)).length);
  }

  function stop() {
    over = true;
    button.hidden = true;
    sayItIsOver();
  }

  const { tell, catchUp } = onNews(look, BETWEEN_REFRESHES, isOn);
  button.hidden = false;
  button.addEventListener("click", () => {
    button.setAttribute("aria-checked", String(button.getAttribute("aria-checked") !== "true"));
    catchUp();
  });
  watch({ connections: tell }, (link) => {
    if (link === "forbidden") {
      stop();
    } else if (link === "open") {
      tell(); // there was no socket to say what was written
    }
  });
}

/** @param {HTMLElement} rows @returns {Set<string | undefined>} */
function keys(rows) {
  const found = /** @type {NodeListOf<HTMLElement>} */ (rows.querySelectorAll("[data-pk]"));
  return new Set([...found].map((row) => row.dataset.pk));
}

/** Says how many are new, not too often for those who listen. */
function announcer() {
  let count = 0;
  let waiting = false;
  const say = () => {
    waiting = false;
    if (count) {
      const words = ngettext("%(count)s new connection", "%(count)s new connections", count);
      news.textContent = interpolate(words, { count }, true);
      count = 0;
      waiting = true;
      setTimeout(say, BETWEEN_ANNOUNCEMENTS);
    }
  };
  return (/** @type {number} */ more) => {
    count += more;
    if (!waiting) {
      say();
    }
  };
}

// --- One connection --------------------------------------------------------------------------------

/** @param {HTMLElement} facts */
function followConnection(facts) {
  const look = async () => {
    try {
      if (!document.hidden) {
        await refresh(facts);
      }
    } catch (error) {
      if (error instanceof SignedOut) {
        sayItIsOver();
        return;
      }
    }
    if (facts.querySelector("[data-open]")) {
      setTimeout(look, BETWEEN_LOOKS);
    } else {
      news.textContent = gettext("The connection is closed.");
    }
  };
  setTimeout(look, BETWEEN_LOOKS);
}

const rows = /** @type {HTMLElement | null} */ (document.querySelector("#rows"));
const facts = /** @type {HTMLElement | null} */ (document.querySelector("#facts"));
if (rows) {
  followList(rows);
}
if (facts) {
  followConnection(facts);
}
