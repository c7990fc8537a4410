/** The page of an overlay's form: the preview beside it, tests, and the light. */

import { byId, find, setText } from "../../shared/dom.js";

/** Seconds between two looks whether the overlay is connected. */
const LOOK_EVERY = 5;

const form = byId("overlay-form", HTMLFormElement);
const frame = byId("frame");
const preview = byId("preview", HTMLIFrameElement);
const tests = byId("tests");
const bright = byId("bright", HTMLInputElement);

// --- The preview -----------------------------------------------------------------------------------

/** What is chosen, as the server would store it; what is being typed may be no number yet. */
function chosen() {
  /** @type {Record<string, any>} */
  const options = {};
  for (const element of form.elements) {
    if (!(element instanceof HTMLInputElement || element instanceof HTMLSelectElement)) continue;
    const { name, type, value } = element;
    if (!name || name === "name" || name === "csrfmiddlewaretoken") continue;
    if (element instanceof HTMLInputElement && type === "checkbox") {
      if (element.value === "on") {
        options[name] = element.checked;
      } else {
        options[name] ??= [];
        if (element.checked) options[name].push(value);
      }
    } else if (element instanceof HTMLInputElement && type === "number") {
      const bounded = Math.min(Number(element.max), Math.max(Number(element.min), Number(value)));
      options[name] = Math.round(bounded);
    } else {
      options[name] = value;
    }
  }
  return options;
}

/** @param {object} message */
function tell(message) {
  preview.contentWindow?.postMessage(message, location.origin);
}

function source() {
  return find("[name=source]:checked", HTMLInputElement).value;
}

let language = "";

function show() {
  const options = chosen();
  if (options.language !== language) {
    // Its texts come from the server.
    language = options.language;
    const { address = "" } = preview.dataset;
    preview.src = `${address}?language=${encodeURIComponent(language)}`;
    return;
  }
  tell({ options });
}

window.addEventListener("message", ({ origin, source: from, data }) => {
  if (origin !== location.origin || from !== preview.contentWindow || data !== "ready") return;
  tell({ options: chosen() });
  tell({ source: source() });
});

form.addEventListener("input", show);
for (const choice of document.querySelectorAll("[name=source]")) {
  choice.addEventListener("change", () => tell({ source: source() }));
}
bright.addEventListener("change", () => frame.classList.toggle("bright", bright.checked));

/** The overlay has the size that it has in OBS, drawn as large as its frame. */
function fit() {
  preview.style.transform = `scale(${frame.clientWidth / Number(preview.width)})`;
}

new ResizeObserver(fit).observe(frame);
fit();
// The page may have come later than the preview, which then has called nobody.
show();
tell({ source: source() });

// --- Tests -----------------------------------------------------------------------------------------

const { csrf = "", test: testAddress = "" } = tests.dataset;
byId("test").addEventListener("click", async () => {
  const select = document.querySelector("#event");
  const event = select instanceof HTMLSelectElement ? select.value : "gift";
  tell({ test: event });
  if (!testAddress) return;
  const body = new URLSearchParams({ event });
  const headers = { "X-CSRFToken": csrf };
  const answer = await fetch(testAddress, { method: "POST", headers, body }).catch(() => null);
  if (answer?.ok) shine(await answer.json());
});

// --- The light -------------------------------------------------------------------------------------

const light = document.querySelector("#light");

/** @param {{ connected: boolean, last: string | null, text: string }} state */
function shine({ connected, text }) {
  light?.classList.toggle("on", connected);
  setText(byId("light-text"), text);
  const last = document.querySelector("#light-last");
  if (last instanceof HTMLElement) last.hidden = connected;
}

async function look() {
  if (!(light instanceof HTMLElement) || document.hidden) return;
  const answer = await fetch(light.dataset.state ?? "").catch(() => null);
  if (answer?.ok) shine(await answer.json());
}

if (light) setInterval(look, LOOK_EVERY * 1000);
