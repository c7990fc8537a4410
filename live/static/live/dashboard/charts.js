/** Charts in the page's colours, which follow the change between light and dark. By uPlot. */

import { make } from "../../shared/dom.js";
import { exactTimeOfDay, language, number, rate, timeOfDay } from "../../shared/format.js";

const DAY = 86_400; // seconds
/** Counts have no fractions: these are the steps that an axis may have. */
const STEPS = [1, 2, 5].flatMap((digit) =>
  Array.from({ length: 9 }, (_, power) => digit * 10 ** power),
);
STEPS.sort((a, b) => a - b);

const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
const moment = new Intl.DateTimeFormat(language, {
  ...{ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  hourCycle: "h23",
});

/** @param {string} name Of a CSS variable. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * @typedef {object} Series
 * @property {string} label
 * @property {string} colour The name of a CSS variable.
 */

/**
 * One chart in an element, which has its height from the style sheet. Bars of several series are
 * stacked, the first one lowest. Whoever points at it reads the values there.
 */
export class Chart {
  #place;
  #kind;
  #tip = make("div", "tip");
  /** @type {any} */
  #plot = null;
  /** @type {Series[]} */
  #series = [];
  /** @type {number[]} */
  #times = [];
  /** As they were given, not stacked. @type {(number | null)[][]} */
  #values = [];
  /** Seconds from one time to the next. */
  #step = 0;

  /**
   * @param {HTMLElement} place
   * @param {"bars" | "line"} kind
   */
  constructor(place, kind) {
    this.#place = place;
    this.#kind = kind;
    this.#tip.hidden = true;
    new ResizeObserver(() => this.#fit()).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /** The element that it is in. */
  get place() {
    return this.#place;
  }

  /**
   * @param {number[]} times Unix times, at equal distances.
   * @param {Series[]} series
   * @param {(number | null)[][]} values A row for each of `series`.
   */
  show(times, series, values) {
    const isSame = JSON.stringify(series) === JSON.stringify(this.#series);
    this.#times = times;
    this.#series = series;
    this.#values = values;
    this.#step = times.length > 1 ? times[1] - times[0] : 0;
    if (this.#plot && isSame) this.#plot.setData(this.#data());
    else this.#draw();
  }

  /** As uPlot takes it. What is painted later covers what is behind it: the highest bars first. */
  #data() {
    const rows = this.#kind === "bars" ? stacked(this.#values).reverse() : this.#values;
    return [this.#times, ...rows];
  }

  #draw() {
    this.#plot?.destroy();
    const series = this.#series.map((each) => this.#look(each));
    const options = {
      ...this.#size(),
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
      padding: [8, 14, 0, 0],
      scales: { x: { range: this.#span }, y: { range: fromZero } },
      axes: [
        axis((values, step) => values.map((each) => this.#tick(each, step)), {
          size: 26,
          space: this.#kind === "line" ? 80 : 60,
        }),
        axis((values) => values.map((each) => (Number.isInteger(each) ? number(each) : "")), {
          size: 44,
          incrs: STEPS,
        }),
      ],
      series: [{}, ...(this.#kind === "bars" ? series.reverse() : series)],
      hooks: { setCursor: [(/** @type {any} */ plot) => this.#point(plot)] },
    };
    this.#plot = new uPlot(options, this.#data(), this.#place);
    this.#plot.over.append(this.#tip);
  }

  /**
   * Bars stand behind their time: the newest one needs room, too.
   *
   * @param {any} _plot
   * @param {number} first
   * @param {number} last
   */
  #span = (_plot, first, last) => [first, last + (this.#kind === "bars" ? this.#step : 0)];

  /** @param {number} seconds A Unix time. @param {number} step Between two of the axis. */
  #tick(seconds, step) {
    if (step >= DAY) return day.format(seconds * 1000);
    return (step < 60 ? exactTimeOfDay : timeOfDay)(seconds * 1000);
  }

  /** @param {Series} series */
  #look({ label, colour: name }) {
    const look = { label, points: { show: false } };
    const own = colour(name) || colour("--other-error");
    if (this.#kind === "line") {
      return { ...look, stroke: own, fill: `${own}26`, width: 2, spanGaps: false };
    }
    const paths = uPlot.paths.bars({ size: [0.85, 40], align: 1 });
    return { ...look, fill: own, width: 0, paths };
  }

  /** Show the values at the pointer. @param {any} plot */
  #point(plot) {
    const { left } = plot.cursor;
    // A bar reaches from its time to the next one.
    const place =
      this.#kind === "bars" && this.#step
        ? Math.floor((plot.posToVal(left, "x") - this.#times[0]) / this.#step)
        : plot.cursor.idx;
    const isOutside = left < 0 || place === null || !(place in this.#times);
    this.#tip.hidden = isOutside;
    if (isOutside) return;
    const rows = this.#series.flatMap(({ label, colour: name }, index) => {
      const value = this.#values[index][place];
      if (value === null || (this.#series.length > 1 && !value)) return [];
      const swatch = make("span", "swatch");
      swatch.style.background = colour(name) || colour("--other-error");
      return [make("li", "", swatch, label, make("span", "number", rate(value)))];
    });
    this.#tip.replaceChildren(make("p", "", this.#when(place)), make("ul", "", ...rows));
    // Beside the pointer, on the side where there is room.
    const width = plot.over.clientWidth;
    const isRight = left > width / 2;
    this.#tip.style.left = isRight ? "auto" : `${left + 12}px`;
    this.#tip.style.right = isRight ? `${width - left + 12}px` : "auto";
    this.#tip.style.top = "0";
  }

  /** @param {number} place */
  #when(place) {
    const from = this.#times[place] * 1000;
    if (this.#kind === "line") return exactTimeOfDay(from);
    return `${moment.format(from)} – ${timeOfDay(from + this.#step * 1000)}`;
  }

  #size() {
    return { width: this.#place.clientWidth, height: this.#place.clientHeight };
  }

  #fit() {
    this.#plot?.setSize(this.#size());
  }
}

/**
 * @param {(values: number[], step: number) => string[]} write
 * @param {{ size: number, space?: number, incrs?: number[] }} room In pixels, for the texts and
 *   between them; and the steps that there may be.
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
    values: (
      /** @type {any} */ _plot,
      /** @type {number[]} */ values,
      /** @type {number} */ _index,
      /** @type {number} */ _space,
      /** @type {number} */ step,
    ) => write(values, step),
  };
}

/**
 * @param {any} _plot
 * @param {number} _low
 * @param {number} high
 */
const fromZero = (_plot, _low, high) => [0, Math.max(1, high * 1.1)];

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
