/** The viewers of the last minutes, as the points of a small curve. */

/** Of one point, ms. */
const STEP = 10_000;
/** The newest ten minutes. */
const MAX_POINTS = 60;

export class Trail {
  /** By step, the oldest first: the newest number of viewers in it. @type {Map<number, number>} */
  #counts = new Map();

  /** @param {number} count @param {number} at ms */
  add(count, at) {
    const step = Math.floor(at / STEP);
    this.#counts.set(step, count);
    for (const old of this.#counts.keys()) {
      if (old <= step - MAX_POINTS) this.#counts.delete(old);
    }
  }

  reset() {
    this.#counts.clear();
  }

  /**
   * The points for an SVG polyline, from the first that is known to the newest; "" for fewer than
   * two.
   *
   * @param {number} width
   * @param {number} height
   */
  points(width, height) {
    if (this.#counts.size < 2) return "";
    const steps = [...this.#counts.keys()];
    const counts = [...this.#counts.values()];
    const first = Math.min(...steps);
    const last = Math.max(...steps);
    const least = Math.min(...counts);
    const range = Math.max(...counts) - least;
    return [...this.#counts]
      .map(([step, count]) => {
        const x = (width * (step - first)) / (last - first);
        const y = range ? height - (height * (count - least)) / range : height / 2;
        return `${round(x)},${round(y)}`;
      })
      .join(" ");
  }
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10;
}
