/** "Try it": a socket of one's own at the test endpoint, whose frames are shown as they come. */

import { byId, make, setText } from "../../shared/dom.js";
import { exactTimeOfDay } from "../../shared/format.js";
import { issueToken, Tokens } from "../console/token.js";
import { colouredJson } from "./json.js";

/** How many frames are shown; older ones are taken away. */
const MOST = 200;
/** Characters of a frame in its line. */
const GIST = 200;
const TOKEN_ERRORS = new Set(["invalid_token", "token_revoked"]);
const PATH = "/ws/test";

class Trial {
  #form = byId("try", HTMLFormElement);
  #button = byId("try-button");
  #ping = byId("ping", HTMLButtonElement);
  #state = byId("try-state");
  #list = byId("received");
  #tokens;
  /** @type {WebSocket | null} */
  #socket = null;
  #pings = 0;
  /** The code of the error frame that the socket has got. */
  #error = "";
  /** Whether the token is there because the one before was refused. */
  #isTokenNew = false;

  constructor() {
    const { tokenPrefix = "", tokens = "", csrf = "" } = this.#form.dataset;
    this.#tokens = new Tokens(tokenPrefix, () => issueToken(tokens, csrf));
    this.#prefill();
    this.#showAddress();
    this.#form.addEventListener("input", () => this.#showAddress());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#socket) this.#disconnect();
      else this.connect();
    });
    this.#ping.addEventListener("click", () => {
      this.#pings += 1;
      this.#socket?.send(JSON.stringify({ type: "ping", id: this.#pings }));
    });
    byId("clear").addEventListener("click", () => this.#list.replaceChildren());
  }

  async connect() {
    this.#say("off", gettext("Connecting…"));
    this.#error = "";
    let token;
    try {
      token = await this.#tokens.get();
    } catch {
      this.#say("refused", gettext("The server can't be reached, or you are signed out"));
      return;
    }
    const socket = new WebSocket(this.#address, ["bearer", token]);
    this.#socket = socket;
    setText(this.#button, gettext("Disconnect"));
    socket.onopen = () => {
      this.#ping.disabled = false;
      this.#say("open", gettext("Connected."));
    };
    socket.onmessage = ({ data }) => this.#take(String(data));
    socket.onclose = ({ code }) => this.#socket === socket && this.#onClosed(code, token);
  }

  #disconnect() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#isOver("off", gettext("Not connected."));
  }

  /** @param {number} code @param {string} token */
  #onClosed(code, token) {
    this.#socket = null;
    const isRefused = TOKEN_ERRORS.has(this.#error) && !this.#value("fail");
    if (isRefused) this.#tokens.refused(token);
    if (isRefused && !this.#isTokenNew) {
      this.#isTokenNew = true;
      this.connect();
      return;
    }
    this.#isTokenNew = false;
    const said = this.#error ? `${code} ${this.#error}` : String(code);
    const state = this.#error || code !== 1000 ? "refused" : "off";
    this.#isOver(state, interpolate(gettext("The server has closed: %s"), [said]));
  }

  /** @param {string} state @param {string} said */
  #isOver(state, said) {
    this.#ping.disabled = true;
    setText(this.#button, gettext("Connect"));
    this.#say(state, said);
  }

  /** @param {string} text */
  #take(text) {
    const frame = JSON.parse(text);
    const { type, data } = frame;
    if (type === "error") this.#error = String(data.code);
    else this.#isTokenNew = false;
    const content = make("div", "snippet");
    const details = make(
      "details",
      type === "error" ? "is-error" : "",
      make(
        "summary",
        "",
        make("time", "", exactTimeOfDay(Date.now())),
        make("code", "", String(type)),
        make("span", "gist", gist(data)),
      ),
      content,
    );
    details.translate = false;
    // What nobody opens is not formatted.
    details.addEventListener("toggle", () => {
      if (content.firstChild) return;
      const shown = make("pre", "", make("code", "", ...colouredJson(frame)));
      shown.tabIndex = 0;
      content.append(shown);
    });
    this.#list.prepend(make("li", "", details));
    while (this.#list.children.length > MOST) this.#list.lastElementChild?.remove();
  }

  // --- The form ----------------------------------------------------------------------------------

  /** What the address of the page asks for, such as `?types=gift`. */
  #prefill() {
    const asked = new URLSearchParams(location.search);
    for (const field of this.#form.elements) {
      if (field instanceof HTMLInputElement && field.type === "checkbox") {
        field.checked = asked.getAll(field.name).includes(field.value);
      } else if (field instanceof HTMLSelectElement || field instanceof HTMLInputElement) {
        field.value = asked.get(field.name) ?? "";
      }
    }
  }

  get #address() {
    const query = new URLSearchParams();
    const types = new FormData(this.#form).getAll("types").map(String);
    if (types.length) query.set("types", types.join(","));
    for (const name of ["batch", "fail", "lang", "wait"]) {
      const value = this.#value(name);
      if (value) query.set(name, value);
    }
    const shown = query.size ? `?${query.toString().replaceAll("%2C", ",")}` : "";
    return `${location.origin.replace(/^http/, "ws")}${PATH}${shown}`;
  }

  /** @param {string} name */
  #value(name) {
    return String(new FormData(this.#form).get(name) ?? "");
  }

  #showAddress() {
    setText(byId("address"), this.#address);
  }

  /** @param {string} state @param {string} said */
  #say(state, said) {
    this.#state.dataset.state = state;
    setText(this.#state, said);
  }
}

/**
 * What a frame says, in one line: who it is about, then its numbers and texts.
 *
 * @param {Record<string, any>} data
 */
function gist({ user, ...others }) {
  const parts = user ? [user.nickname || user.username] : [];
  for (const [name, value] of Object.entries(others)) {
    if (value !== null && typeof value !== "object") parts.push(`${name}: ${value}`);
    else if (value?.name) parts.push(`${name}: ${value.name}`);
  }
  return parts.join(" · ").slice(0, GIST);
}

new Trial();
