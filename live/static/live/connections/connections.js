/**
 * Keeps the staff's pages of the connection log up to date. The server renders: the list is asked
 * for again when the staff's socket says that rows were written, an open connection every few
 * seconds. Without this the pages are as good, and are reloaded by hand.
 */

import { watch } from "../staff-socket.js";
import { refresh, SignedOut } from "../update.js";

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
  let stale = false;
  let busy = false;
  let over = false;
  const isOn = () => button.getAttribute("aria-checked") === "true";
  const announce = announcer();

  async function catchUp() {
    if (!stale || busy || over || !isOn() || document.hidden) {
      return;
    }
    stale = false;
    busy = true;
    try {
      const before = keys(rows);
      await refresh(rows);
      announce([...keys(rows)].filter((key) => !before.has(key)).length);
    } catch (error) {
      if (error instanceof SignedOut) {
        stop();
      } else {
        stale = true; // the next message, or the next socket, tries again
      }
    }
    setTimeout(() => {
      busy = false;
      catchUp();
    }, BETWEEN_REFRESHES);
  }

  function stop() {
    over = true;
    button.hidden = true;
    sayItIsOver();
  }

  button.hidden = false;
  button.addEventListener("click", () => {
    button.setAttribute("aria-checked", String(!isOn()));
    catchUp();
  });
  document.addEventListener("visibilitychange", catchUp);
  const fallBehind = () => {
    stale = true;
    catchUp();
  };
  watch({ connections: fallBehind }, (link) => {
    if (link === "forbidden") {
      stop();
    } else if (link === "open") {
      fallBehind(); // there was no socket to say what was written
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
