/** The staff's dashboard: fills in what the relay publishes, as long as the page is open. */

import { watch } from "../staff-socket.js";
import { Chart } from "./charts.js";
import { HistoryPanel } from "./history.js";
import { showNumbers } from "./numbers.js";
import { byId, setText } from "../../shared/dom.js";
import { exactUtcTimeOfDay, rate } from "../../shared/format.js";

/** Seconds of events that the chart shows. */
const SHOWN = 300;

for (const part of document.querySelectorAll(".scripted")) {
  /** @type {HTMLElement} */ (part).hidden = false;
}

const eventsChart = new Chart(byId("events-chart"), "line");
const history = new HistoryPanel();
/** @type {number[]} */
const times = [];
/** @type {(number | null)[]} */
const rates = [];
let newest = 0;

watch({ numbers: onNumbers, connections: () => history.refreshSoon() }, onLink);

/** @param {import("./numbers.js").Numbers} numbers */
function onNumbers(numbers) {
  showNumbers(numbers);
  if (numbers.is_test) return;
  newest = numbers.at;
  times.push(numbers.at / 1000);
  rates.push(numbers.events);
  while (times.length > 1 && times[0] < times[times.length - 1] - SHOWN) {
    times.shift();
    rates.shift();
  }
  eventsChart.show(times, [{ label: gettext("Events a second"), colour: "--chart-1" }], [rates]);
  const highest = Math.max(0, ...rates.map((value) => value ?? 0));
  const words = gettext("%(now)s now, %(highest)s at most in five minutes");
  const values = { now: rate(numbers.events), highest: rate(highest) };
  setText(byId("events-words"), interpolate(words, values, true));
}

/** @param {import("../staff-socket.js").Link} link */
function onLink(link) {
  const place = byId("link-state");
  place.className = `link-state ${link}`;
  if (link === "open") {
    setText(place, gettext("Updates by itself"));
  } else if (link === "forbidden") {
    setText(place, gettext("You are signed out. Load the page again to sign in."));
  } else {
    const words = gettext("Connection lost, trying again. What you see is from %(time)s.");
    const time = newest ? exactUtcTimeOfDay(newest) : "–";
    setText(place, interpolate(words, { time }, true));
  }
}
