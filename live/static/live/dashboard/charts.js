/** Charts in the page's colours, which follow the change between light and dark. By uPlot. */

import { exactUtcTimeOfDay, number, utcTimeOfDay } from "../../shared/format.js";

const HEIGHT = 150;

// uPlot gives times in seconds.
const toTheMinute = (/** @type {number} */ seconds) => utcTimeOfDay(seconds * 1000);
const toTheSecond = (/** @type {number} */ seconds) => exactUtcTimeOfDay(seconds * 1000);

/** @param {string} name Of a CSS variable. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * @typedef {object} Series
 * @property {string} label
 * @property {string} colour The name of a CSS variable.
 */

/**
 * One chart in an element. Bars of several series are stacked, the first one lowest.
 */
export class Chart {
  #place;
  #kind;
  /** @type {any} */
  #plot = null;
  /** @type {Series[]} */
  #series = [];
  /** @type {(number | null)[][]} */
  #data = [[]];

  /**
   * @param {HTMLElement} place
   * @param {"bars" | "line"} kind
   */
  constructor(place, kind) {
    this.#place = place;
    this.#kind = kind;
    new ResizeObserver(() => this.#fit()).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /**
   * @param {number[]} times Unix times.
   * @param {Series[]} series
   * @param {(number | null)[][]} values A row for each of `series`.
   */
  show(times, series, values) {
    // What is painted later covers what is behind it: the highest bars come first.
    const isBars = this.#kind === "bars";
    const order = (/** @type {any[]} */ rows) => (isBars ? [...rows].reverse() : rows);
    const isSame = JSON.stringify(order(series)) === JSON.stringify(this.#series);
    this.#series = order(series);
    this.#data = [times, ...order(isBars ? stacked(values) : values)];
    if (this.#plot && isSame) this.#plot.setData(this.#data);
    else this.#draw();
  }

  #draw() {
    this.#plot?.destroy();
    const options = {
      width: this.#place.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      padding: [8, 20, 0, 0],
      scales: { x: { range: this.#span }, y: { range: fromZero } },
      axes: [this.#timeAxis(), axis(tick, { size: 36 })],
      series: [{}, ...this.#series.map((series) => this.#look(series))],
    };
    this.#plot = new uPlot(options, this.#data, this.#place);
  }

  /**
   * Bars stand behind their time: the newest one needs room, too.
   *
   * @param {any} _plot
   * @param {number} first
   * @param {number} last
   */
  #span = (_plot, first, last) => {
    const [times] = this.#data;
    const step = this.#kind === "bars" && times.length > 1 ? Number(times[1]) - Number(times[0]) : 0;
    return [first, last + step];
  };

  /** Bars are of hours, lines of minutes. */
  #timeAxis() {
    const isLine = this.#kind === "line";
    return axis(isLine ? toTheSecond : toTheMinute, { size: 26, space: isLine ? 75 : 50 });
  }

  /** @param {Series} series */
  #look({ label, colour: name }) {
    if (this.#kind === "line") {
      return { label, stroke: colour(name), width: 2, points: { show: false }, spanGaps: false };
    }
    const paths = uPlot.paths.bars({ size: [0.8, 24], align: 1 });
    return { label, fill: colour(name), width: 0, paths, points: { show: false } };
  }

  #fit() {
    this.#plot?.setSize({ width: this.#place.clientWidth, height: HEIGHT });
  }
}

/**
 * @param {(value: number) => string} write
 * @param {{ size: number, space?: number }} room In pixels, for the texts and between them.
 */
function axis(write, room) {
  const line = { stroke: colour("--line"), width: 1 };
  return {
    ...room,
    gap: 4,
    stroke: colour("--quiet"),
    font: `11px ${getComputedStyle(document.body).fontFamily}`,
    grid: line,
    ticks: { ...line, size: 4 },
    values: (/** @type {any} */ _plot, /** @type {number[]} */ values) => values.map(write),
  };
}

/**
 * @param {any} _plot
 * @param {number} _low
 * @param {number} high
 */
const fromZero = (_plot, _low, high) => [0, Math.max(1, high * 1.1)];

/** @param {number} value Counts have no fractions. */
const tick = (value) => (Number.isInteger(value) ? number(value) : "");

/**
 * Where each series' bars end when they stand on each other.
 *
 * @param {(number | null)[][]} values
 */
function stacked(values) {
  /** @type {number[]} */
  let below = [];
  return values.map((row) => {
    below = row.map((value, i) => (value ?? 0) + (below[i] ?? 0));
    return below;
  });
}
