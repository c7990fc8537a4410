/** What the console's parts share: icons, pictures, people, and sentences with elements in them. */

import { byId, make } from "../../shared/dom.js";
import { initials, toneOf } from "../../shared/people.js";

/** The page's addresses, which the template knows. */
const { pictures = "", sprite = "" } = byId("console").dataset;
const SVG = "http://www.w3.org/2000/svg";
const TONES = 5;

/** An icon of the sprite; decorative. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

/**
 * A picture of TikTok's, fetched through the relay; if it can't be shown, its words remain.
 *
 * @param {string} address
 * @param {string} alt
 */
export function picture(address, alt = "") {
  const image = document.createElement("img");
  image.addEventListener("error", () => image.replaceWith(alt), { once: true });
  image.alt = alt;
  image.decoding = "async";
  image.src = `${pictures}?address=${encodeURIComponent(address)}`;
  return image;
}

/** What people are called on the page. @param {Record<string, any>} [user] Of a frame. */
export function nameOf(user) {
  return user?.nickname || user?.username || gettext("Somebody");
}

/** Initials, and the picture above them as soon as it is there. @param {Record<string, any>} [user] */
export function avatar(user) {
  const tone = toneOf(user?.id ?? "", TONES);
  const made = make("span", `avatar tone-${tone}`, initials(nameOf(user)));
  made.setAttribute("aria-hidden", "true");
  if (user?.avatar) made.append(picture(user.avatar));
  return made;
}

/**
 * A translated sentence with elements in the places of its `%(name)s`.
 *
 * @param {string} text
 * @param {Record<string, Node | string>} values
 */
export function sentence(text, values) {
  const parts = text.split(/%\((\w+)\)s/);
  return parts.map((part, index) => (index % 2 ? (values[part] ?? "") : part));
}
