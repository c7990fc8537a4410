/** When the relay looks for a LIVE that is awaited, in words. */

/**
 * @typedef {object} Times ms; null where the relay does not tell.
 * @property {number | null} lookedAt
 * @property {number | null} nextLookAt
 */

/**
 * What is said of them; "" where nothing is known.
 *
 * @param {Times} times
 * @param {number} now By the same clock.
 * @param {(seconds: number) => string} duration In words.
 */
export function sayLooks({ lookedAt, nextLookAt }, now, duration) {
  const ago = lookedAt === null ? null : Math.max(0, Math.floor((now - lookedAt) / 1000));
  const left = nextLookAt === null ? null : Math.ceil((nextLookAt - now) / 1000);
  const last = ago === null ? "" : duration(ago);
  if (left === null) {
    return last && interpolate(gettext("last look %(last)s ago"), { last }, true);
  }
  if (left <= 0) return gettext("looking now…");
  const next = duration(left);
  if (!last) return interpolate(gettext("next look in %(next)s"), { next }, true);
  return interpolate(gettext("last look %(last)s ago, next in %(next)s"), { last, next }, true);
}
