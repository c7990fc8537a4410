/**
 * "Try it" on the REST API's page: sends a GET with a token, and shows the answer.
 *
 * The token is one that somebody has typed in, or one of the session, such as consoles have.
 */

import { byId, find, setText } from "../../shared/dom.js";
import { issueToken, Tokens } from "../console/token.js";
import { colouredJson } from "./json.js";

/** Characters of an answer that are shown. */
const MOST = 100_000;
const UNAUTHORIZED = 401;

const page = byId("rest").dataset;
const typed = byId("token", HTMLInputElement);
const tokens = page.tokens
  ? new Tokens(page.tokenPrefix ?? "", () => issueToken(page.tokens ?? "", page.csrf ?? ""))
  : null;

for (const form of document.querySelectorAll("form[data-path]")) {
  if (!(form instanceof HTMLFormElement)) continue;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}

/** @param {HTMLFormElement} form */
async function send(form) {
  const state = find("[role=status]", HTMLElement, form);
  const block = find(".snippet", HTMLElement, form);
  setText(state, gettext("Sending…"));
  try {
    const answer = await ask(addressOf(form));
    if (!answer) {
      setText(state, gettext("A token is needed: sign in, or paste one above."));
      typed.focus();
      return;
    }
    const text = await answer.text();
    const isJson = answer.headers.get("Content-Type")?.startsWith("application/json");
    const shown = isJson ? colouredJson(JSON.parse(text)) : [text.slice(0, MOST)];
    find("code", HTMLElement, block).replaceChildren(...shown);
    block.hidden = false;
    setText(state, String(answer.status));
  } catch {
    block.hidden = true;
    setText(state, gettext("The server can't be reached, or you are signed out"));
  }
}

/**
 * Send the request; once more with another token if the session's is no longer good.
 *
 * @param {string} address
 * @returns {Promise<Response | null>} Null if there is no token to send.
 */
async function ask(address) {
  const own = typed.value.trim();
  if (own) return get(address, own);
  if (!tokens) return null;
  const token = await tokens.get();
  const answer = await get(address, token);
  if (answer.status !== UNAUTHORIZED) return answer;
  tokens.refused(token);
  return get(address, await tokens.get());
}

/** @param {string} address @param {string} token */
function get(address, token) {
  return fetch(address, { credentials: "omit", headers: { Authorization: `Bearer ${token}` } });
}

/**
 * The operation's address with what was typed into the form.
 *
 * @param {HTMLFormElement} form
 */
function addressOf(form) {
  let path = form.dataset.path ?? "";
  const query = new URLSearchParams();
  for (const field of form.elements) {
    if (!(field instanceof HTMLInputElement || field instanceof HTMLSelectElement)) continue;
    const value = field.value.trim();
    if (field.dataset.place === "path") {
      path = path.replace(`{${field.name}}`, encodeURIComponent(value));
    } else if (value) {
      query.set(field.name, value);
    }
  }
  return query.size ? `${path}?${query}` : path;
}
