/**
 * How each kind of overlay is drawn, by the names of live/overlays/kinds.py. A kind is added by one
 * entry here and one there; its styles are in kinds/<name>.css.
 */

import { Alerts } from "./kinds/alerts.js";
import { Aloud } from "./kinds/aloud.js";
import { Chat } from "./kinds/chat.js";
import { Counters } from "./kinds/counters.js";
import { Goal } from "./kinds/goal.js";
import { Last } from "./kinds/last.js";
import { Ticker } from "./kinds/ticker.js";
import { Top } from "./kinds/top.js";

/** @typedef {import("./stage.js").Stage} Stage */
/** @typedef {import("../relay-client.js").Frame} Frame */
/** @typedef {import("./sums.js").Sums} Sums */
/** @typedef {Record<string, any>} Options Of the kind's form in live/overlays/options.py. */

/**
 * What draws an overlay. `take` only notes what has happened, hundreds of times a second if need
 * be; the page calls `paint` once before the browser draws, and only there elements change.
 *
 * @typedef {object} Kind
 * @property {(options: Options) => void} apply New options; called first of all.
 * @property {(frame: Frame) => void} take An event, or `connected`. A frame with `isTest` is a test.
 * @property {() => void} paint
 * @property {() => boolean} [isTesting] Whether a test is shown, or is still to be shown.
 * @property {() => void} [end] The overlay is no more; what is shown is taken away.
 */

/** @type {Readonly<Record<string, new (stage: Stage, sums: Sums) => Kind>>} */
export const KINDS = Object.freeze({
  alerts: Alerts,
  aloud: Aloud,
  chat: Chat,
  counters: Counters,
  goal: Goal,
  last: Last,
  ticker: Ticker,
  top: Top,
});
