/** The tiles and tables of the dashboard: the relay as it is now. */

import { label, show } from "./rows.js";
import { duration, element, rate, say, share, whole } from "./words.js";

/**
 * What a relay publishes of itself; see `live.relay.numbers.Numbers`.
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
const json = (id) => JSON.parse(element(id).textContent ?? "");

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
  say(element("sockets"), whole(numbers.sockets));
  say(element("stream-count"), whole(numbers.streams.length));
  say(element("events"), rate(numbers.events));
  say(element("uptime"), duration(numbers.at - numbers.started_at));
  if (numbers.cpu !== null) {
    const values = { share: share(numbers.cpu) };
    say(element("cpu"), interpolate(gettext("%(share)s of one core"), values, true));
    element("cpu").hidden = false;
  }
  const { at, streams, gates, slow } = numbers;
  table("streams", "stream-row", (stream) => stream.username, writeStream(at), streams);
  table("gates", "gate-row", (gate) => gate.label, writeGate(at), gates);
  table("slow", "slow-row", (socket) => `${socket.token} ${socket.row}`, writeSlow, slow);
  element("streams").hidden = !numbers.streams.length;
  element("no-streams").hidden = numbers.streams.length > 0;
  element("slow").hidden = !numbers.slow.length;
  element("no-slow").hidden = numbers.slow.length > 0;
}

/** @param {number} count */
function showTestSockets(count) {
  const words = ngettext("and %s at the test endpoint", "and %s at the test endpoint", count);
  say(element("test-sockets"), interpolate(words, [whole(count)]));
  element("test-sockets").hidden = false;
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
  const parent = /** @type {HTMLTableElement} */ (element(id)).tBodies[0];
  const row = /** @type {HTMLTemplateElement} */ (element(template));
  show({ parent, template: row, key, write }, data);
}

/**
 * @param {number} at
 * @returns {(field: (name: string) => HTMLElement, stream: Stream) => void}
 */
const writeStream = (at) => (field, stream) => {
  const { username, state, attempt, since, faults } = stream;
  say(field("link"), `@${username}`);
  field("link").setAttribute("href", `streams/${encodeURIComponent(username)}/`);
  label(field("state"), STATES[state] ?? state, TONES[state] ?? "calm");
  const words = attempt ? interpolate(gettext("attempt %s"), [whole(attempt)]) : "";
  say(field("attempt"), words);
  say(field("age"), since === null ? "" : duration(at - since));
  say(field("sockets"), whole(stream.sockets));
  say(field("events"), rate(stream.events));
  if (faults) {
    const text = ngettext(
      "%s kind of message to look at",
      "%s kinds of messages to look at",
      faults,
    );
    label(field("faults"), interpolate(text, [whole(faults)]), "bad");
  } else {
    label(field("faults"), gettext("as expected"), "good");
  }
};

/**
 * @param {number} at
 * @returns {(field: (name: string) => HTMLElement, gate: Gate) => void}
 */
const writeGate = (at) => (field, gate) => {
  say(field("label"), gate.label || gettext("server’s key"));
  say(field("remaining"), gate.remaining === null ? "?" : whole(gate.remaining));
  const closed = gate.closed_until !== null;
  const words = closed ? gettext("gate closed") : gettext("gate open");
  label(field("gate"), words, closed ? "bad" : "good");
  say(field("opens"), gate.closed_until === null ? "" : duration(gate.closed_until - at + 999));
};

/**
 * @param {(name: string) => HTMLElement} field
 * @param {SlowSocket} socket
 */
function writeSlow(field, socket) {
  say(field("link"), `${socket.token}…`);
  const page = socket.row === null ? "connections/" : `connections/${socket.row}/`;
  field("link").setAttribute("href", page);
  say(field("account"), socket.account);
  say(field("username"), `@${socket.username}`);
  say(field("lag"), whole(socket.lag));
  say(field("stalled"), socket.stalled_for ? `${whole(socket.stalled_for)} s` : "");
}
