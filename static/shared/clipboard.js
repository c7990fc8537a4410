/** Puts text onto the clipboard, where the browser lets a page do so. */

/**
 * Copy a text.
 *
 * @param {string} text
 * @param {() => void} [select] Selects the text on the page. With it, a page on plain http can copy, too.
 * @throws The browser does not let this page copy.
 */
export async function copyText(text, select) {
  // navigator.clipboard exists on https and localhost only; relays are also run on plain http.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  select?.();
  if (!select || !document.execCommand("copy")) {
    throw new Error("the browser does not let pages copy");
  }
}
