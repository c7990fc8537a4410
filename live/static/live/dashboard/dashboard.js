/**
 * The staff's dashboard. The server renders what is shown, again whenever the staff's socket says
 * that there is news; the charts are drawn here.
 */

import { watch } from "../staff-socket.js";
import { onNews, refresh, refreshParts } from "../update.js";
import { Chart } from "./charts.js";
import { showHistory } from "./history.js";
import { byId, setText } from "../../shared/dom.js";
import { exactUtcTimeOfDay, rate } from "../../shared/format.js";

/** Seconds of events that the chart shows. */
const SHOWN = 300;

// Milliseconds. A flood of connections asks the server for the last hours no more often than that.
const BETWEEN_LOOKS = 1000;
const BETWEEN_LOOKS_BACK = 5000;
const LONGEST_WITHOUT_LOOK_BACK = 60_000;

/**
 * What a relay publishes; see `live.relay.numbers.Numbers`. The chart needs no more of it.
 *
 * @typedef {object} Numbers
 * @property {string} source
 * @property {boolean} is_test
 * @property {number} at
 * @property {number | null} events
 */

for (const part of document.querySelectorAll(".scripted")) {
  /** @type {HTMLElement} */ (part).hidden = false;
}

const eventsChart = new Chart(byId("events-chart"), "line");
/** @type {number[]} */
const times = [];
/** @type {(number | null)[]} */
const rates = [];
let newest = 0;
/** The newest numbers of each server process. @type {Map<string, Numbers>} */
const processes = new Map();
/** Milliseconds without news, after which a process has ended. */
const GONE_AFTER = 5000;

const { tell: look } = onNews(() => refresh(byId("now")), BETWEEN_LOOKS);
const { tell: lookBack } = onNews(async () => {
  await refreshParts(byId("charts").dataset.address ?? "");
  showHistory();
}, BETWEEN_LOOKS_BACK);

showHistory();
setInterval(lookBack, LONGEST_WITHOUT_LOOK_BACK);
watch({ numbers: onNumbers, connections: lookBack }, onLink);

/** @param {Numbers} numbers */
function onNumbers(numbers) {
  look();
  if (numbers.is_test) return;
  processes.set(numbers.source, numbers);
  for (const [source, { at }] of processes) {
    if (at < numbers.at - GONE_AFTER) processes.delete(source);
  }
  // One moment for all processes: that of the first of them.
  if (processes.keys().next().value !== numbers.source) return;
  newest = numbers.at;
  const known = [...processes.values()].flatMap(({ events }) => events ?? []);
  const events = known.length ? known.reduce((sum, one) => sum + one, 0) : null;
  times.push(numbers.at / 1000);
  rates.push(events);
  while (times.length > 1 && times[0] < times[times.length - 1] - SHOWN) {
    times.shift();
    rates.shift();
  }
  eventsChart.show(times, [{ label: gettext("Events a second"), colour: "--chart-1" }], [rates]);
  const highest = Math.max(0, ...rates.map((value) => value ?? 0));
  const words = gettext("%(now)s now, %(highest)s at most in five minutes");
  const values = { now: rate(events), highest: rate(highest) };
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
