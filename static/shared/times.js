/**
 * Shows times as the reader's clock has them. The server writes them in UTC, in elements such as
 * `<time datetime="…" data-shows="exact-time" title="… UTC">`; `localMoment` has the names of parts.
 * The page says whose times they are in the element with `data-said="zone"`.
 *
 * Pages load Django's catalogue of texts (`jsi18n`) first.
 */

import { localMoment } from "./format.js";

/**
 * Show the times below an element as the reader's clock has them.
 *
 * @param {ParentNode} [parent] The whole page by default.
 */
export function showLocalTimes(parent = document) {
  for (const time of parent.querySelectorAll("time")) {
    const { shows } = time.dataset;
    if (shows) time.textContent = localMoment(new Date(time.dateTime), shows);
  }
  for (const place of parent.querySelectorAll("[data-said=zone]")) {
    place.textContent = gettext("Times are those of your device.");
  }
}
