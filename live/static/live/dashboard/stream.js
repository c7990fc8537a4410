/** The staff's page of one LIVE: keeps itself up to date, and tests the connection in place. */

import { fetchPart, refresh, SignedOut } from "../update.js";
import { byId, setText } from "../../shared/dom.js";
import { Chart } from "./charts.js";
import { courseOfPage, timesOf } from "./course.js";

const REFRESH = 2000; // ms

async function keepRefreshing() {
  try {
    if (!document.hidden) {
      await refresh(byId("facts"));
      showWhatApplies();
      showCourse();
    }
  } catch (error) {
    if (error instanceof SignedOut) {
      setText(byId("news"), gettext("This page is no longer updated. Reload it."));
      return;
    }
    // The server is away; the page stays as it is until it is back.
  }
  setTimeout(keepRefreshing, REFRESH);
}

/** Buttons for a stream that is not there would do nothing. */
function showWhatApplies() {
  const there = new Set((byId("state").dataset.has ?? "").split(" "));
  for (const part of document.querySelectorAll("[data-applies]")) {
    const own = /** @type {HTMLElement} */ (part);
    own.hidden = !there.has(own.dataset.applies ?? "");
  }
}

/** The charts, by the id of their place. @type {Map<string, Chart>} */
const charts = new Map();

/** Draw the last minutes, if there is a stream. */
function showCourse() {
  if (!document.getElementById("course")) return;
  const course = courseOfPage();
  const times = timesOf(course);
  const viewers = { label: gettext("Viewers"), colour: "--chart-1" };
  const events = { label: gettext("Events a second"), colour: "--chart-2" };
  chartIn("viewers-chart").show(times, [viewers], [course.viewers]);
  chartIn("rates-chart").show(times, [events], [course.events]);
}

/** @param {string} id Of a place, which may be another one than before: the stream was gone. */
function chartIn(id) {
  const place = byId(id);
  let chart = charts.get(id);
  if (chart?.place !== place) charts.set(id, (chart = new Chart(place, "line")));
  return chart;
}

/** @param {SubmitEvent} event */
async function test(event) {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  const outcome = byId("outcome");
  button.disabled = true;
  setText(outcome, gettext("Connecting to TikTok …"));
  try {
    const found = await fetchPart(form.action, { method: "POST", body: new FormData(form) });
    outcome.replaceChildren(...document.adoptNode(found).childNodes);
  } catch (error) {
    const words =
      error instanceof SignedOut
        ? gettext("You are signed out. Load the page again to sign in.")
        : gettext("The server did not answer. Try again.");
    setText(outcome, words);
  }
  button.disabled = false;
  button.focus();
}

showCourse();
byId("test").addEventListener("submit", test);
setTimeout(keepRefreshing, REFRESH);
