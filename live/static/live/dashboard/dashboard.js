/**
 * The staff's dashboard. The server renders what is shown, again whenever the staff's socket says
 * that there is news; the charts are drawn here.
 */

import { watch } from "../staff-socket.js";
import { onNews, refresh, refreshParts } from "../update.js";
import { Chart } from "./charts.js";
import { courseOfPage, timesOf } from "./course.js";
import { showHistory } from "./history.js";
import { byId, setText } from "../../shared/dom.js";
import { exactTimeOfDay, rate } from "../../shared/format.js";

// Milliseconds. A flood of connections asks the server for the last hours no more often than that.
const BETWEEN_LOOKS = 1000;
const BETWEEN_LOOKS_BACK = 5000;
const LONGEST_WITHOUT_LOOK_BACK = 60_000;

const eventsChart = new Chart(byId("events-chart"), "line");
/** When the newest numbers were published. */
let newest = 0;

const { tell: look } = onNews(async () => {
  await refresh(byId("now"));
  showEvents();
}, BETWEEN_LOOKS);
const { tell: lookBack } = onNews(async () => {
  await refreshParts(byId("charts").dataset.address ?? "");
  showHistory();
}, BETWEEN_LOOKS_BACK);

showEvents();
showHistory();
setInterval(lookBack, LONGEST_WITHOUT_LOOK_BACK);
watch({ numbers: onNumbers, connections: lookBack }, onLink);

/** @param {{ at: number }} numbers See `live.relay.numbers.Numbers`. */
function onNumbers(numbers) {
  newest = numbers.at;
  look();
}

function showEvents() {
  const course = courseOfPage();
  const series = [{ label: gettext("Events a second"), colour: "--chart-1" }];
  eventsChart.show(timesOf(course), series, [course.events]);
  const highest = course.events.length ? Math.max(...course.events) : null;
  const words = gettext("%(highest)s at most in the last %(minutes)s min");
  const minutes = Math.max(1, Math.round((course.events.length * course.step) / 60));
  setText(byId("events-words"), interpolate(words, { highest: rate(highest), minutes }, true));
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
    const time = newest ? exactTimeOfDay(newest) : "–";
    setText(place, interpolate(words, { time }, true));
  }
}
