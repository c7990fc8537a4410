/** Rows of a table, or items of a list, that follow data: one copy of a `<template>` for each. */

import { setText } from "../../shared/dom.js";

/**
 * @template Data
 * @typedef {object} Rows
 * @property {Element} parent Where the rows are.
 * @property {HTMLTemplateElement} template Of one row; parts have `data-field`.
 * @property {(data: Data) => string} key What tells a row from the others.
 * @property {(field: (name: string) => HTMLElement, data: Data) => void} write Fills a row in.
 */

/**
 * Make the rows those of `data`, in its order. A row that stays is kept, with the focus that may be
 * in it; rows that the server has written are replaced the first time.
 *
 * @template Data
 * @param {Rows<Data>} rows
 * @param {Data[]} data
 */
export function show({ parent, template, key, write }, data) {
  const known = new Map([...parent.children].map((row) => [row.getAttribute("data-key"), row]));
  const shown = data.map((item) => {
    const row = known.get(key(item)) ?? copy(template, key(item));
    write((name) => /** @type {HTMLElement} */ (row.querySelector(`[data-field=${name}]`)), item);
    return row;
  });
  const isSame =
    shown.length === parent.children.length && shown.every((row, i) => row === parent.children[i]);
  if (!isSame) parent.replaceChildren(...shown);
}

/**
 * @param {HTMLTemplateElement} template
 * @param {string} key
 */
function copy(template, key) {
  const row = /** @type {Element} */ (template.content.firstElementChild?.cloneNode(true));
  row.setAttribute("data-key", key);
  return row;
}

/**
 * A tag with that text, in that colour.
 *
 * @param {Element} tag
 * @param {string} text
 * @param {"good" | "bad" | "calm"} tone
 */
export function label(tag, text, tone) {
  setText(tag, text);
  tag.className = `tag ${tone}`;
}
