/** Numbers, durations and times in the page's language, and texts in the page's elements. */

const language = document.documentElement.lang;
const plain = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat(language, { style: "percent" });
// UTC, and of 24 hours, as the server writes them in its tables.
const utc = /** @type {const} */ ({ hourCycle: "h23", timeZone: "UTC" });
const hourAndMinute = new Intl.DateTimeFormat(language, { timeStyle: "short", ...utc });
const withSeconds = new Intl.DateTimeFormat(language, { timeStyle: "medium", ...utc });

/** @param {number} number */
export const whole = (number) => plain.format(number);

/** @param {number | null} number Large ones without a fraction. */
export function rate(number) {
  if (number === null) return "–";
  return (number < 100 ? precise : plain).format(number);
}

/** @param {number} value From 0 to 1. */
export const share = (value) => percent.format(value);

/** @param {number} seconds Unix time. */
export const clockTime = (seconds) => hourAndMinute.format(seconds * 1000);

/** @param {number} seconds Unix time. */
export const clockTimeWithSeconds = (seconds) => withSeconds.format(seconds * 1000);

/**
 * Hours, minutes and seconds, as the server's filter `clock` writes them.
 *
 * @param {number} ms
 */
export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/**
 * The element with that id, which the template has.
 *
 * @param {string} id
 */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * Change an element's text, but only if it is another: a selection in it survives.
 *
 * @param {Element} changed
 * @param {string | number} text
 */
export function say(changed, text) {
  if (changed.textContent !== String(text)) changed.textContent = String(text);
}
