/**
 * Shows times as the reader's clock has them. The server writes them in UTC, by the template tag
 * `local_time` (live/templatetags/times.py), and the words for them by the tag `times_zone`.
 */

import { setText } from "./dom.js";
import { localMoment, utcMoment, zone } from "./format.js";

/** What `times_zone` has: each name with its unit, and how long ago is too long for it; seconds. */
const AGO = /** @type {const} */ ([
  ["now", 1, 60],
  ["minutes", 60, 3600],
  ["hours", 3600, 86_400],
  ["days", 86_400, 7 * 86_400],
]);

/**
 * Show the times below an element as the reader's clock has them, and whose times these are.
 *
 * @param {ParentNode} [parent] The whole page by default.
 */
export function showLocalTimes(parent = document) {
  const words = document.querySelector("[data-said=zone]");
  if (!(words instanceof HTMLElement)) return; // a page without times
  for (const time of parent.querySelectorAll("time")) show(time, words.dataset);
  for (const place of parent.querySelectorAll("[data-said=zone]")) {
    setText(place, filled(words.dataset.device, { zone: zone() }));
  }
}

/** @param {HTMLTimeElement} time @param {DOMStringMap} words */
function show(time, words) {
  const { shows } = time.dataset;
  if (!shows) return;
  const date = new Date(time.dateTime);
  if (shows === "relative") {
    setText(time, ago(date, words));
    time.title = `${localMoment(date, "exact-moment")} · ${utcMoment(date)}`;
  } else {
    setText(time, localMoment(date, shows));
    time.title = utcMoment(date);
  }
}

/**
 * How long ago it was, as the server writes it.
 *
 * @param {Date} date
 * @param {DOMStringMap} words Those of `times_zone`.
 */
function ago(date, words) {
  const past = Math.floor((Date.now() - date.getTime()) / 1000);
  for (const [name, unit, end] of AGO) {
    // This device's clock may differ a little from the server's.
    if (past > -60 && past < end) {
      return filled(words[name], { count: Math.floor(Math.max(past, 0) / unit) });
    }
  }
  return localMoment(date, "moment");
}

/** @param {string | undefined} text @param {Record<string, unknown>} values */
function filled(text, values) {
  return (text ?? "").replace(/%\((\w+)\)s/g, (_whole, name) => String(values[name]));
}
