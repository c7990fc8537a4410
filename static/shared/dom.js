/**
 * Elements of pages: to find one, to make one, and to change a text.
 *
 * Whatever strangers wrote is put in as text, never as HTML.
 */

/**
 * The element of the page that has this id.
 *
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [kind] The class that it must have; any HTML element by default.
 * @returns {T}
 * @throws {TypeError} The template has none.
 */
export function byId(id, kind) {
  return find(`#${id}`, kind);
}

/**
 * The first element that a CSS selector finds.
 *
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} selector
 * @param {new () => T} [kind] The class that it must have; any HTML element by default.
 * @param {ParentNode} [parent] Where to look; in the whole page by default.
 * @returns {T}
 * @throws {TypeError} There is none.
 */
export function find(selector, kind, parent = document) {
  const found = parent.querySelector(selector);
  if (!(found instanceof (kind ?? HTMLElement))) {
    throw new TypeError(`the page has no ${kind?.name ?? "HTMLElement"} ${selector}`);
  }
  return /** @type {T} */ (found);
}

/**
 * Make an element.
 *
 * @param {string} tag
 * @param {string} className Empty for none.
 * @param {(Node | string)[]} children
 */
export function make(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/**
 * Change the text of a node, but only if it is another: a selection in it survives, and screen
 * readers do not say it again.
 *
 * @param {Node} node
 * @param {string | number} text
 */
export function setText(node, text) {
  if (node.textContent !== String(text)) node.textContent = String(text);
}
