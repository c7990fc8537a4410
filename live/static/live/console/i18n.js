/** Texts, numbers and times in the page's language. The page loads Django's catalogue first. */

/**
 * @typedef {object} Catalogue
 * @property {(text: string) => string} gettext
 * @property {(singular: string, plural: string, count: number) => string} ngettext
 * @property {(text: string, values: Record<string, unknown>, named: true) => string} interpolate
 */

export const { gettext, ngettext, interpolate } = /** @type {Catalogue} */ (
  /** @type {unknown} */ (globalThis)
);

export const language = document.documentElement.lang;

const whole = new Intl.NumberFormat(language);
const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const clockWithSeconds = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
/** From there on, a number is shortened: 329K. */
const LONG = 100_000;

/** @param {number} value */
export function number(value) {
  return whole.format(value);
}

/** As `number`, for narrow places. @param {number} value */
export function shortNumber(value) {
  return (value < LONG ? whole : compact).format(value);
}

/** The time of day here. @param {number} ms Since the Unix epoch. */
export function timeOfDay(ms) {
  return clock.format(ms);
}

/** The time of day here, to the second. @param {number} ms Since the Unix epoch. */
export function exactTimeOfDay(ms) {
  return clockWithSeconds.format(ms);
}

/** In its two largest units: "59 min 12 s". @param {number} seconds */
export function duration(seconds) {
  const values = {
    h: Math.floor(seconds / 3600),
    min: Math.floor(seconds / 60) % 60,
    s: Math.floor(seconds) % 60,
  };
  if (values.h) return interpolate(gettext("%(h)s h %(min)s min"), values, true);
  if (values.min) return interpolate(gettext("%(min)s min %(s)s s"), values, true);
  return interpolate(gettext("%(s)s s"), values, true);
}
