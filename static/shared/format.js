/**
 * Numbers, times and durations, as people read them in the page's language.
 *
 * Pages that show durations in words load Django's catalogue of texts (`jsi18n`) first.
 */

export const language = document.documentElement.lang;

/** From there on, a number is shortened where there is little room: 329K. */
const LONG = 100_000;
const DAY = /** @type {const} */ ({ day: "numeric", month: "short", year: "numeric" });
/** Of 24 hours in each language, as the server writes them. */
const TIME = /** @type {const} */ ({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const EXACT_TIME = /** @type {const} */ ({ ...TIME, second: "2-digit" });

const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
/** Two digits at least: "1.2M". */
const brief = new Intl.NumberFormat(language, { notation: "compact" });
const clock = new Intl.DateTimeFormat(language, TIME);
const exactClock = new Intl.DateTimeFormat(language, EXACT_TIME);
const moments = new Map([
  ["day", new Intl.DateTimeFormat(language, DAY)],
  ["time", clock],
  ["moment", new Intl.DateTimeFormat(language, { ...DAY, ...TIME })],
  ["exact-time", exactClock],
  ["exact-moment", new Intl.DateTimeFormat(language, { ...DAY, ...EXACT_TIME })],
]);
const utc = new Intl.DateTimeFormat(language, { ...DAY, ...EXACT_TIME, timeZone: "UTC" });

// --- Numbers ---------------------------------------------------------------------------------------

/** A whole number: "329,412". @param {number} value */
export function number(value) {
  return whole.format(value);
}

/** As `number`, for narrow places: "329.4K". @param {number} value */
export function shortNumber(value) {
  return (value < LONG ? whole : compact).format(value);
}

/** The shortest that still says how many, for the narrowest places: "329K", "1.2M". @param {number} value */
export function briefNumber(value) {
  return (value < LONG ? whole : brief).format(value);
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

/** A moment in UTC, to the second: "Nov 25, 2026, 13:04:05 UTC". @param {Date} date */
export function utcMoment(date) {
  return `${utc.format(date)} UTC`;
}

/**
 * The zone of this device's clock: "Europe/Berlin, UTC+1".
 *
 * @param {Date} [now] Summer time changes how far it is from UTC.
 */
export function zone(now = new Date()) {
  const parts = new Intl.DateTimeFormat("en", { timeZoneName: "shortOffset" }).formatToParts(now);
  const offset = parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return [...new Set([timeZone, offset.replace(/^GMT(\+0)?/, "UTC")])].join(", ");
}

// --- Durations -------------------------------------------------------------------------------------

/** In words, in its two largest units: "59 min 12 s". @param {number} seconds */
export function duration(seconds) {
  const values = split(seconds);
  if (values.h) return interpolate(gettext("%(h)s h %(min)s min"), values, true);
  if (values.min) return interpolate(gettext("%(min)s min %(s)s s"), values, true);
  return interpolate(gettext("%(s)s s"), values, true);
}

/** As a stopwatch has it: "1:12:05", "0:07". @param {number} seconds */
export function stopwatch(seconds) {
  const { h, min, s } = split(Math.max(0, seconds));
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  return h ? `${h}:${two(min)}:${two(s)}` : `${min}:${two(s)}`;
}

/** @param {number} seconds */
function split(seconds) {
  return {
    h: Math.floor(seconds / 3600),
    min: Math.floor(seconds / 60) % 60,
    s: Math.floor(seconds) % 60,
  };
}
