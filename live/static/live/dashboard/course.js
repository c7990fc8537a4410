/** The last minutes of one LIVE or of all, which the server puts into the page. */

import { byId } from "../../shared/dom.js";

/**
 * See `live.relay.last_minutes.Course`.
 *
 * @typedef {object} Course
 * @property {number} at
 * @property {number} step
 * @property {(number | null)[]} viewers
 * @property {number[]} events
 */

/** What the page has now. @returns {Course} */
export function courseOfPage() {
  return JSON.parse(byId("course").textContent ?? "");
}

/** The Unix times of its values. @param {Course} course */
export function timesOf({ at, step, events }) {
  return events.map((_, place) => at / 1000 - (events.length - 1 - place) * step);
}
