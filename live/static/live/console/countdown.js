/** Counting down, second by second. */

import { duration } from "../../shared/format.js";

/**
 * Show what is left, now and each second, and "" at the end.
 *
 * @param {number} seconds
 * @param {(left: string) => void} show
 * @returns {() => void} Stops it.
 */
export function countDown(seconds, show) {
  const end = performance.now() + seconds * 1000;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  function tick() {
    const left = (end - performance.now()) / 1000;
    show(left > 0 ? duration(Math.ceil(left)) : "");
    // Up to the next whole second, so that none is skipped.
    if (left > 0) timer = setTimeout(tick, (left % 1 || 1) * 1000);
  }
  tick();
  return () => clearTimeout(timer);
}
