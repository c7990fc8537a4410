/** Shows JSON in colours, as the server shows it in its examples. */

import { make } from "../../shared/dom.js";

/** A text, with a colon if it is a name; a number, or a word. */
const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|\b(?:true|false|null)\b/gi;

/**
 * @param {unknown} value
 * @returns {(Node | string)[]}
 */
export function colouredJson(value) {
  const text = JSON.stringify(value, null, 2) ?? "";
  /** @type {(Node | string)[]} */
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(TOKEN)) {
    const [all, quoted, colon] = found;
    parts.push(text.slice(end, found.index));
    if (colon) parts.push(make("span", "name", quoted ?? ""), colon);
    else parts.push(make("span", quoted ? "text" : "value", all));
    end = found.index + all.length;
  }
  parts.push(text.slice(end));
  return parts;
}
