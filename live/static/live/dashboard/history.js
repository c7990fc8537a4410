/** The last hours on the dashboard: two charts, the list of failures, and the same as a table. */

import { Chart } from "./charts.js";
import { show } from "./rows.js";
import { byId, setText } from "../../shared/dom.js";
import { number, utcTimeOfDay } from "../../shared/format.js";

/**
 * See `live.pages.dashboard.history.LastHours`.
 *
 * @typedef {object} LastHours
 * @property {number} start
 * @property {number} step
 * @property {number[]} connections
 * @property {Record<string, number[]>} failures
 */

/** So many errors have a colour of their own; the others share the last one. */
const COLOURS = 6;
const TABLE_ROWS = 12;
const REFRESH = 60; // seconds
/** A new failure is shown soon, but a flood of them asks the server no more often than that. */
const SHORTEST_PAUSE = 5;

const sum = (/** @type {number[]} */ counts) => counts.reduce((total, count) => total + count, 0);

export class HistoryPanel {
  #address;
  #connections = new Chart(byId("connections-chart"), "bars");
  #failures = new Chart(byId("failures-chart"), "bars");
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #asked = -Infinity;

  constructor() {
    this.#address = byId("charts").dataset.address ?? "";
    this.#show(JSON.parse(byId("history").textContent ?? ""));
    this.#after(REFRESH);
  }

  /** Something has happened: look soon. */
  refreshSoon() {
    this.#after(Math.max(0, SHORTEST_PAUSE - (performance.now() - this.#asked) / 1000));
  }

  /** @param {number} seconds */
  #after(seconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#refresh(), seconds * 1000);
  }

  async #refresh() {
    this.#asked = performance.now();
    this.#after(REFRESH);
    try {
      const response = await fetch(this.#address, { headers: { Accept: "application/json" } });
      if (response.ok) this.#show(await response.json());
    } catch {
      // The server is away, as the page says elsewhere; the next look is in a minute.
    }
  }

  /** @param {LastHours} history */
  #show(history) {
    const codes = Object.keys(history.failures);
    const failed = sum(Object.values(history.failures).map(sum));
    const times = history.connections.map((_, i) => history.start + i * history.step);
    this.#connections.show(
      times,
      [{ label: gettext("Connections"), colour: "--chart-1" }],
      [history.connections],
    );
    const series = codes.map((label, i) => ({ label, colour: `--chart-${colourOf(i)}` }));
    this.#failures.show(times, series, Object.values(history.failures));
    setText(byId("connected"), number(sum(history.connections)));
    const words = ngettext("%s failed", "%s failed", failed);
    setText(byId("failed"), interpolate(words, [number(failed)]));
    byId("no-failures").hidden = failed > 0;
    showList(history, codes);
    showTable(history, times);
  }
}

/** @param {number} place In the list of errors, from 0. */
const colourOf = (place) => Math.min(place + 1, COLOURS);

/**
 * @param {LastHours} history
 * @param {string[]} codes
 */
function showList(history, codes) {
  const since = new Date(history.start * 1000).toISOString().slice(0, "YYYY-MM-DDTHH:MM".length);
  show(
    {
      parent: byId("failures"),
      template: /** @type {HTMLTemplateElement} */ (byId("failure-item")),
      key: (code) => code,
      write: (field, code) => {
        const query = new URLSearchParams({ error: code, since });
        field("link").setAttribute("href", `connections/?${query}`);
        setText(field("link").firstElementChild ?? field("link"), code);
        setText(field("count"), number(sum(history.failures[code])));
        field("swatch").className = `swatch swatch-${colourOf(codes.indexOf(code))}`;
      },
    },
    codes,
  );
}

/**
 * A dozen rows, whatever the range.
 *
 * @param {LastHours} history
 * @param {number[]} times
 */
function showTable(history, times) {
  const step = times.length / TABLE_ROWS;
  const part = (/** @type {number[]} */ counts, /** @type {number} */ start) =>
    sum(counts.slice(start, start + step));
  show(
    {
      parent: /** @type {HTMLTableElement} */ (byId("history-table")).tBodies[0],
      template: /** @type {HTMLTemplateElement} */ (byId("history-row")),
      key: (start) => String(times[start]),
      write: (field, start) => {
        const failures = Object.entries(history.failures)
          .map(([code, counts]) => ({ code, count: part(counts, start) }))
          .filter(({ count }) => count);
        setText(field("from"), utcTimeOfDay(times[start] * 1000));
        setText(field("connections"), number(part(history.connections, start)));
        setText(field("failures"), number(sum(failures.map(({ count }) => count))));
        const errors = failures.map(({ code, count }) => `${code} ${number(count)}`);
        setText(field("errors"), errors.join(", "));
      },
    },
    times.map((_, i) => i).filter((i) => i % step === 0),
  );
}
