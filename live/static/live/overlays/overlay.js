/**
 * The page of an overlay: listens to the LIVE, and has its kind draw it.
 *
 * In OBS, the secret is in the page's own address. In a preview, the page that it is a frame of says
 * what the options are, which are not saved yet.
 */

import { byId, make } from "../../shared/dom.js";
import { issueToken, Tokens } from "../console/token.js";
import { RelayClient } from "../relay-client.js";
import { KINDS } from "./kinds.js";
import { sample } from "./samples.js";
import { Stage } from "./stage.js";
import { Sums } from "./sums.js";

/** Seconds before an ended LIVE's overlay waits for the next one, and before it asks again after an error. */
const NEXT_LIVE = 3;
const TRY_AGAIN = 60;
/** Nothing helps against these: the overlay has another address now, or is deleted. */
const HOPELESS = new Set(["invalid_token", "token_revoked"]);
/** Events that are not worth being drawn twice are recognised, up to so many. */
const MOST_IDS = 4000;
/** Seconds between two questions for the sums of the LIVE so far: the first so many, and those after. */
const SUMS_EVERY = 3;
const SUMS_OFTEN = 20;
const SUMS_LATER = 30;
/** Seconds for which the page says that it was tested; longer if the test is still shown then. */
const TEST_SHOWN = 4;
/** Seconds between two looks whether it is. */
const TEST_LOOK = 0.5;

const { dataset } = document.body;
const root = byId("stage");
const mark = byId("mark");
const facts = {
  pictures: dataset.pictures ?? "",
  icons: dataset.icons ?? "",
  gifts: dataset.gifts ?? "",
  texts: JSON.parse(dataset.texts ?? "{}"),
};
const isPreview = dataset.mode === "preview";
let options = JSON.parse(dataset.options ?? "{}");
let isPainting = false;
/** Nothing is shown any more. */
let isDark = false;

const sums = new Sums(Boolean(dataset.sums));
const stage = new Stage(root, facts, paintSoon);
const kind = new KINDS[dataset.kind ?? ""](stage, sums);
apply(options);

function paintSoon() {
  if (isPainting || isDark) return;
  isPainting = true;
  requestAnimationFrame(() => {
    isPainting = false;
    if (!isDark) kind.paint();
  });
}

/** The overlay has another address now, or is deleted: what is shown goes, and nothing comes. */
function goDark() {
  isDark = true;
  clearTimeout(asking);
  clearTimeout(marked);
  kind.end?.();
  root.replaceChildren();
  mark.replaceChildren();
}

/** @param {Record<string, any>} newer */
function apply(newer) {
  if (newer.language !== options.language && !isPreview) {
    location.reload(); // its texts come from the server
    return;
  }
  options = newer;
  stage.apply(options);
  kind.apply(options);
  paintSoon();
}

// --- Tests -----------------------------------------------------------------------------------------

/** @type {any} */
let marked = null;

/** Show what a test is to show, marked as one. @param {string} event */
function test(event) {
  clearTimeout(marked);
  mark.replaceChildren(make("span", "mark", stage.text("test")));
  marked = setTimeout(afterTest, TEST_SHOWN * 1000);
  for (const { after, frame } of sample(event, stage.now())) {
    setTimeout(() => {
      kind.take(frame);
      paintSoon();
    }, after);
  }
}

/** The mark goes with what it marks. */
function afterTest() {
  if (kind.isTesting?.()) marked = setTimeout(afterTest, TEST_LOOK * 1000);
  else showWhatItIs();
}

let isInvented = false;

function showWhatItIs() {
  mark.replaceChildren(...(isInvented ? [make("span", "mark", stage.text("preview"))] : []));
}

// --- The LIVE --------------------------------------------------------------------------------------

/** Ids of the newest events: a server that has forgotten its log may say something twice. @type {Set<string>} */
const seen = new Set();

/** @param {import("../relay-client.js").Frame} frame */
function take(frame) {
  const { type, id, ts } = frame;
  if (type === "overlay" || type === "pong" || type === "error") return;
  if (type === "connected") {
    stage.setClock(ts);
    isInvented = Boolean(frame.data.test);
    showWhatItIs();
    sums.take(frame);
    if (!sums.isWhole) askForSums(sums.room);
  } else {
    if (id !== undefined && type !== "gift") {
      const key = `${type} ${id}`;
      if (seen.has(key)) return;
      seen.add(key);
      if (seen.size > MOST_IDS) seen.delete(seen.values().next().value ?? "");
    }
    sums.take(frame);
    if (type === "gap") askForSums(sums.room);
  }
  kind.take(frame);
  paintSoon();
}

/** @type {any} */
let asking = null;

/**
 * Ask what the LIVE has come to before this page was opened. The server counts a few seconds behind,
 * so it is asked until it has counted up to there; what it says before that is shown meanwhile.
 *
 * @param {string} room
 * @param {number} asked How often it was asked already.
 */
async function askForSums(room, asked = 0) {
  clearTimeout(asking);
  if (!dataset.sums) return; // its kind shows none
  try {
    const answer = await fetch(`${dataset.sums}?room=${encodeURIComponent(room)}`);
    const base = answer.ok ? await answer.json() : null;
    if (room !== sums.room || isDark) return;
    if (base?.epoch) {
      const isExact = sums.use(base);
      paintSoon();
      if (isExact) return;
    }
  } catch {
    // The network; the next question may be answered.
  }
  clearTimeout(asking); // another question may have been asked meanwhile
  const pause = asked + 1 < SUMS_OFTEN ? SUMS_EVERY : SUMS_LATER;
  asking = setTimeout(() => askForSums(room, asked + 1), pause * 1000);
}

/**
 * @param {string} token
 * @param {string} path
 */
function listen(token, path) {
  const client = new RelayClient({
    url: location.origin.replace(/^http/, "ws"),
    path,
    token,
    wait: true,
    lang: document.documentElement.lang,
  });
  client.on("frame", take);
  client.on("overlay", ({ data }) => {
    if (data.options) apply(data.options);
    if (data.test) test(data.test);
  });
  client.on("closed", ({ final, error }) => {
    if (!final) return;
    if (HOPELESS.has(error?.code ?? "")) {
      if (!isPreview) goDark(); // a preview goes on with another token
      return;
    }
    setTimeout(() => client.connect(), (error ? TRY_AGAIN : NEXT_LIVE) * 1000);
  });
  client.connect();
  return client;
}

// --- Where it is -----------------------------------------------------------------------------------

/** @type {RelayClient | null} */
let listening = null;

let listeningTo = "";

/** Listen to what the page around asks for. @param {string} source "live", or "made-up". */
async function listenInPreview(source) {
  listeningTo = source;
  listening?.close();
  const issue = () => issueToken(dataset.tokens ?? "", dataset.csrf ?? "");
  const tokens = new Tokens(dataset.tokenPrefix ?? "", issue);
  const token = await tokens.get();
  listening = listen(token, source === "live" ? "/ws" : "/ws/overlay-preview");
  listening.on("error", ({ data }) => {
    if (HOPELESS.has(data.code)) {
      tokens.refused(token);
      setTimeout(() => listenInPreview(source), 1000);
    }
  });
}

if (isPreview) {
  window.addEventListener("message", ({ origin, source, data }) => {
    if (origin !== location.origin || source !== window.parent) return;
    if (data.options) apply(data.options);
    if (data.test) test(data.test);
    if (data.source && data.source !== listeningTo) listenInPreview(data.source);
  });
  window.parent.postMessage("ready", location.origin);
} else {
  const [, secret = ""] = /\/overlay\/([^/]+)\//.exec(location.pathname) ?? [];
  listen(secret, "/ws/overlay");
}
