/** Says what the charts have at the place that the mouse or a finger points at. */

import { byId } from "../../shared/dom.js";
import { number, timeOfDay } from "../../shared/format.js";
import { liveOf } from "./data.js";

const SVG = "http://www.w3.org/2000/svg";
/** The charts' size, in the units of their paths. */
const WIDTH = 1000;
const HEIGHT = 200;

const charts = byId("charts");
const reading = byId("reading");
const drawings = [...charts.querySelectorAll("svg")];
const pointers = drawings.map((drawing) => {
  const pointer = document.createElementNS(SVG, "path");
  pointer.setAttribute("class", "pointer");
  drawing.append(pointer);
  return pointer;
});

/** @param {PointerEvent} event */
async function point({ clientX, currentTarget }) {
  const { left, width } = /** @type {Element} */ (currentTarget).getBoundingClientRect();
  const { course } = await liveOf(charts.dataset.recap ?? "");
  const count = course.viewers.length;
  const part = Math.min(count - 1, Math.max(0, Math.floor(((clientX - left) / width) * count)));
  const x = ((part + 0.5) / count) * WIDTH;
  for (const pointer of pointers) pointer.setAttribute("d", `M${x} 0V${HEIGHT}`);
  const viewers = course.viewers[part];
  const values = {
    time: timeOfDay(course.begins_at + part * course.minutes * 60_000),
    viewers: typeof viewers !== "number" ? "–" : number(viewers),
    likes: number(course.likes[part] ?? 0),
    diamonds: number(course.diamonds[part] ?? 0),
  };
  const text = gettext("%(time)s: viewers %(viewers)s, likes %(likes)s, diamonds %(diamonds)s");
  reading.textContent = interpolate(text, values, true);
  reading.hidden = false;
}

function leave() {
  for (const pointer of pointers) pointer.removeAttribute("d");
  reading.hidden = true;
}

for (const drawing of drawings) {
  drawing.addEventListener("pointermove", point);
  drawing.addEventListener("pointerleave", leave);
}
