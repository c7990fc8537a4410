/** The tiles and tables of the dashboard: the relay as it is now. */

import { label, show } from "./rows.js";
import { byId, setText } from "../../shared/dom.js";
import { clockDuration, number, percent, rate } from "../../shared/format.js";

/**
 * What a relay's newsroom publishes; see `live.relay.numbers.Numbers`.
 *
 * @typedef {object} Numbers
 * @property {boolean} is_test
 * @property {number} at
 * @property {number} started_at
 * @property {number | null} cpu
 * @property {number} sockets
 * @property {number | null} events
 * @property {Stream[]} streams
 * @property {Gate[]} gates
 * @property {SlowSocket[]} slow
 *
 * @typedef {object} Stream
 * @property {string} username
 * @property {string} state
 * @property {number | null} attempt
 * @property {number | null} since
 * @property {number} sockets
 * @property {number | null} events
 * @property {number} faults
 *
 * @typedef {object} Gate
 * @property {string} label
 * @property {number | null} remaining
 * @property {number | null} closed_until
 *
 * @typedef {object} SlowSocket
 * @property {number | null} row
 * @property {string} account
 * @property {string} username
 * @property {string} token
 * @property {number} lag
 * @property {number} stalled_for
 */

/** @param {string} id */
const json = (id) => JSON.parse(byId(id).textContent ?? "");

/** @type {Record<string, string>} */
const STATES = json("state-words");
/** @type {Record<string, "good" | "bad" | "calm">} */
const TONES = json("state-tones");

/** @param {Numbers} numbers */
export function showNumbers(numbers) {
  if (numbers.is_test) {
    showTestSockets(numbers.sockets);
    return;
  }
  setText(byId("sockets"), number(numbers.sockets));
  setText(byId("stream-count"), number(numbers.streams.length));
  setText(byId("events"), rate(numbers.events));
  setText(byId("uptime"), clockDuration((numbers.at - numbers.started_at) / 1000));
  if (numbers.cpu !== null) {
    const values = { share: percent(numbers.cpu) };
    setText(byId("cpu"), interpolate(gettext("%(share)s of one core"), values, true));
    byId("cpu").hidden = false;
  }
  const { at, streams, gates, slow } = numbers;
  table("streams", "stream-row", (stream) => stream.username, writeStream(at), streams);
  table("gates", "gate-row", (gate) => gate.label, writeGate(at), gates);
  table("slow", "slow-row", (socket) => `${socket.token} ${socket.row}`, writeSlow, slow);
  byId("streams").hidden = !numbers.streams.length;
  byId("no-streams").hidden = numbers.streams.length > 0;
  byId("slow").hidden = !numbers.slow.length;
  byId("no-slow").hidden = numbers.slow.length > 0;
}

/** @param {number} count */
function showTestSockets(count) {
  const words = ngettext("and %s at the test endpoint", "and %s at the test endpoint", count);
  setText(byId("test-sockets"), interpolate(words, [number(count)]));
  byId("test-sockets").hidden = false;
}

/**
 * @template Data
 * @param {string} id
 * @param {string} template
 * @param {(data: Data) => string} key
 * @param {(field: (name: string) => HTMLElement, data: Data) => void} write
 * @param {Data[]} data
 */
function table(id, template, key, write, data) {
  const parent = /** @type {HTMLTableElement} */ (byId(id)).tBodies[0];
  const row = /** @type {HTMLTemplateElement} */ (byId(template));
  show({ parent, template: row, key, write }, data);
}

/**
 * @param {number} at
 * @returns {(field: (name: string) => HTMLElement, stream: Stream) => void}
 */
const writeStream = (at) => (field, stream) => {
  const { username, state, attempt, since, faults } = stream;
  setText(field("link"), `@${username}`);
  field("link").setAttribute("href", `streams/${encodeURIComponent(username)}/`);
  label(field("state"), STATES[state] ?? state, TONES[state] ?? "calm");
  const words = attempt ? interpolate(gettext("attempt %s"), [number(attempt)]) : "";
  setText(field("attempt"), words);
  setText(field("age"), since === null ? "" : clockDuration((at - since) / 1000));
  setText(field("sockets"), number(stream.sockets));
  setText(field("events"), rate(stream.events));
  if (faults) {
    const text = ngettext(
      "%s kind of message to look at",
      "%s kinds of messages to look at",
      faults,
    );
    label(field("faults"), interpolate(text, [number(faults)]), "bad");
  } else {
    label(field("faults"), gettext("as expected"), "good");
  }
};

/**
 * @param {number} at
 * @returns {(field: (name: string) => HTMLElement, gate: Gate) => void}
 */
const writeGate = (at) => (field, gate) => {
  setText(field("label"), gate.label || gettext("server’s key"));
  setText(field("remaining"), gate.remaining === null ? "?" : number(gate.remaining));
  const closed = gate.closed_until !== null;
  const words = closed ? gettext("gate closed") : gettext("gate open");
  label(field("gate"), words, closed ? "bad" : "good");
  setText(field("opens"), gate.closed_until === null ? "" : clockDuration((gate.closed_until - at + 999) / 1000));
};

/**
 * @param {(name: string) => HTMLElement} field
 * @param {SlowSocket} socket
 */
function writeSlow(field, socket) {
  setText(field("link"), `${socket.token}…`);
  const page = socket.row === null ? "connections/" : `connections/${socket.row}/`;
  field("link").setAttribute("href", page);
  setText(field("account"), socket.account);
  setText(field("username"), `@${socket.username}`);
  setText(field("lag"), number(socket.lag));
  setText(field("stalled"), socket.stalled_for ? `${number(socket.stalled_for)} s` : "");
}
