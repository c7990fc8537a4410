/**
 * Numbers, times and durations, as people read them in the page's language.
 *
 * Pages that show durations in words load Django's catalogue of texts (`jsi18n`) first.
 */

export const language = document.documentElement.lang;

/** From there on, a number is shortened where there is little room: 329K. */
const LONG = 100_000;
/** Of 24 hours, as the server writes them. */
const SERVERS = /** @type {const} */ ({ hourCycle: "h23" });
const UTC = /** @type {const} */ ({ ...SERVERS, timeZone: "UTC" });
const DAY = /** @type {const} */ ({ day: "numeric", month: "short", year: "numeric" });
const TIME = /** @type {const} */ ({ hour: "2-digit", minute: "2-digit", ...SERVERS });
const EXACT_TIME = /** @type {const} */ ({ ...TIME, second: "2-digit" });

const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const exactClock = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
const utcClock = new Intl.DateTimeFormat(language, { timeStyle: "short", ...UTC });
const exactUtcClock = new Intl.DateTimeFormat(language, { timeStyle: "medium", ...UTC });
const moments = new Map([
  ["day", new Intl.DateTimeFormat(language, DAY)],
  ["time", new Intl.DateTimeFormat(language, TIME)],
  ["moment", new Intl.DateTimeFormat(language, { ...DAY, ...TIME })],
  ["exact-time", new Intl.DateTimeFormat(language, EXACT_TIME)],
  ["exact-moment", new Intl.DateTimeFormat(language, { ...DAY, ...EXACT_TIME })],
]);

// --- Numbers ---------------------------------------------------------------------------------------

/** A whole number: "329,412". @param {number} value */
export function number(value) {
  return whole.format(value);
}

/** As `number`, for narrow places: "329.4K". @param {number} value */
export function shortNumber(value) {
  return (value < LONG ? whole : compact).format(value);
}

/** So many a second; large ones without a fraction. @param {number | null} value Null: unknown. */
export function rate(value) {
  if (value === null) return "–";
  return (value < 100 ? precise : whole).format(value);
}

// --- Times -----------------------------------------------------------------------------------------

/** The time of day here. @param {number} ms Since the Unix epoch. */
export function timeOfDay(ms) {
  return clock.format(ms);
}

/** The time of day here, to the second. @param {number} ms Since the Unix epoch. */
export function exactTimeOfDay(ms) {
  return exactClock.format(ms);
}

/** The time of day in UTC, as the server writes it. @param {number} ms Since the Unix epoch. */
export function utcTimeOfDay(ms) {
  return utcClock.format(ms);
}

/** The same to the second. @param {number} ms Since the Unix epoch. */
export function exactUtcTimeOfDay(ms) {
  return exactUtcClock.format(ms);
}

/**
 * A moment here, in the parts that the server's templates name.
 *
 * @param {Date} date
 * @param {string} parts "day", "time", or "moment" for both; "exact-time" and "exact-moment" have
 *   the seconds, too.
 * @throws {RangeError} Templates name no such parts.
 */
export function localMoment(date, parts) {
  const format = moments.get(parts);
  if (!format) throw new RangeError(`no such parts of a moment: ${parts}`);
  return format.format(date);
}

// --- Durations -------------------------------------------------------------------------------------

/** In words, in its two largest units: "59 min 12 s". @param {number} seconds */
export function duration(seconds) {
  const values = split(seconds);
  if (values.h) return interpolate(gettext("%(h)s h %(min)s min"), values, true);
  if (values.min) return interpolate(gettext("%(min)s min %(s)s s"), values, true);
  return interpolate(gettext("%(s)s s"), values, true);
}

/** @param {number} seconds */
function split(seconds) {
  return {
    h: Math.floor(seconds / 3600),
    min: Math.floor(seconds / 60) % 60,
    s: Math.floor(seconds) % 60,
  };
}
