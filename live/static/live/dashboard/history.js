/** The charts of the last hours, from the numbers that the page carries. */

import { byId } from "../../shared/dom.js";
import { Chart } from "./charts.js";

/**
 * See `live.pages.dashboard.history.LastHours`.
 *
 * @typedef {object} LastHours
 * @property {number} start
 * @property {number} step
 * @property {number[]} connections
 * @property {Record<string, number[]>} failures
 */

const connectionsChart = new Chart(byId("connections-chart"), "bars");
const failuresChart = new Chart(byId("failures-chart"), "bars");

/** Draw what the page's numbers are now. */
export function showHistory() {
  /** @type {LastHours} */
  const history = JSON.parse(byId("history").textContent ?? "");
  const times = history.connections.map((_, i) => history.start + i * history.step);
  const connections = { label: gettext("Connections"), colour: "--chart-1" };
  connectionsChart.show(times, [connections], [history.connections]);
  const codes = Object.keys(history.failures);
  const series = codes.map((label) => ({ label, colour: `--error-${label}` }));
  failuresChart.show(times, series, Object.values(history.failures));
}
