/** What the kinds of overlays share: elements, pictures, numbers, and the place where they stand. */

import { make } from "../../shared/dom.js";
import { initials, toneOf } from "../../shared/people.js";

const SVG = "http://www.w3.org/2000/svg";
const TONES = 6;
const GIFTS = new Set(["rose", "ice cream cone", "finger heart", "doughnut", "galaxy", "swan"]);
/** The most characters of a name: some are made to fill screens. */
const NAME_LENGTH = 40;

/**
 * @typedef {object} Facts What the server knows of the page.
 * @property {string} pictures The address of TikTok's pictures.
 * @property {string} icons The address of the icons' sprite.
 * @property {string} gifts The address of the sprite of gifts, for those without a picture.
 * @property {Record<string, string>} texts
 */

export class Stage {
  root;
  /** @type {Record<string, any>} */
  options = {};
  #facts;
  #onChange;
  /** Milliseconds by which this computer's clock is ahead of the server's. */
  #ahead = 0;
  #number;

  /**
   * @param {HTMLElement} root
   * @param {Facts} facts
   * @param {() => void} onChange Called when something is to be painted.
   */
  constructor(root, facts, onChange) {
    this.root = root;
    this.#facts = facts;
    this.#onChange = onChange;
    this.#number = new Intl.NumberFormat(document.documentElement.lang);
  }

  /** Have the overlay painted before the browser draws next. */
  changed() {
    this.#onChange();
  }

  /** Of the server's clock, in ms. */
  now() {
    return Date.now() - this.#ahead;
  }

  /** The server has just said what time it is. @param {number} ts */
  setClock(ts) {
    this.#ahead = Date.now() - ts;
  }

  /** Show how it is to look. @param {Record<string, any>} options */
  apply(options) {
    this.options = options;
    const { style } = document.documentElement;
    style.setProperty("font-size", `${(16 * options.size) / 100}px`);
    style.setProperty("--accent", options.accent);
    style.setProperty("--text", options.text);
    style.setProperty("--surface", rgba(options.surface, options.opacity / 100));
    style.setProperty("--solid", options.surface);
    style.setProperty("--accent-soft", rgba(options.accent, 0.35));
    style.setProperty("--accent-text", isLight(options.accent) ? "#14121f" : "#ffffff");
    this.root.dataset.style = options.style;
    this.root.dataset.position = options.position;
    this.root.dataset.motion = options.motion;
  }

  get isReduced() {
    return this.options.motion === "reduced";
  }

  /** @param {string} name Of live/overlays/texts.py. @param {Record<string, string>} [values] */
  text(name, values = {}) {
    const text = this.#facts.texts[name] ?? name;
    return text.replace(/%\((\w+)\)s/g, (whole, key) => values[key] ?? whole);
  }

  /** @param {number} value */
  number(value) {
    return this.#number.format(value);
  }

  /** 12,345 as 12.3K, where there is little room. @param {number} value */
  short(value) {
    if (value < 10_000) return this.#number.format(value);
    const [unit, size] = value < 1_000_000 ? ["K", 1e3] : ["M", 1e6];
    return `${this.#number.format(Math.floor((value / size) * 10) / 10)}${unit}`;
  }

  /** @param {Record<string, any>} [user] Of a frame. */
  nameOf(user) {
    const name = user?.nickname || user?.username || this.text("somebody");
    const characters = [...name];
    return characters.length > NAME_LENGTH
      ? `${characters.slice(0, NAME_LENGTH - 1).join("")}…`
      : name;
  }

  /** @param {string} name */
  icon(name) {
    return drawing(`${this.#facts.icons}#${name}`, "icon");
  }

  /** A picture of TikTok's; if it can't be shown, nothing is. @param {string} address */
  picture(address) {
    const image = document.createElement("img");
    image.addEventListener("error", () => image.remove(), { once: true });
    image.alt = "";
    image.decoding = "async";
    image.src = `${this.#facts.pictures}?address=${encodeURIComponent(address)}`;
    return image;
  }

  /** The class that gives what is about somebody their colour. @param {Record<string, any>} [user] */
  toneOf(user) {
    return `tone-${toneOf(user?.id ?? "", TONES)}`;
  }

  /** An initial, and above it the picture as soon as it is there. @param {Record<string, any>} [user] */
  avatar(user) {
    const letter = initials(this.nameOf(user), 1) || "?";
    const made = make("span", `avatar ${this.toneOf(user)}`, letter);
    if (user?.avatar) made.append(this.picture(user.avatar));
    return made;
  }

  /** A gift's picture; a drawing for those without. @param {Record<string, any>} gift */
  gift(gift) {
    const made = make("span", "gift-picture");
    if (gift.image) {
      made.append(this.picture(gift.image));
    } else {
      const known = gift.name.toLowerCase();
      const id = GIFTS.has(known) ? known.replaceAll(" ", "-") : "box";
      made.append(drawing(`${this.#facts.gifts}#${id}`, "drawing"));
    }
    return made;
  }

  /** An amount of diamonds. @param {number} value */
  diamonds(value) {
    return make("span", "diamonds", this.icon("diamonds"), this.short(value));
  }
}

/** How often something is drawn at most. Where it would be too soon, the overlay is painted again later. */
export class Pace {
  #stage;
  #ms;
  #drawnAt = -Infinity;
  /** @type {any} */
  #timer = null;

  /** @param {Stage} stage @param {number} ms From one time to the next. */
  constructor(stage, ms) {
    this.#stage = stage;
    this.#ms = ms;
  }

  /** Whether it is time to draw, which then is to be done. */
  isDue() {
    const now = performance.now();
    const wait = this.#drawnAt + this.#ms - now;
    clearTimeout(this.#timer);
    if (wait > 0) {
      this.#timer = setTimeout(() => this.#stage.changed(), wait);
      return false;
    }
    this.#drawnAt = now;
    return true;
  }

  /** The next time is at once. */
  hurry() {
    this.#drawnAt = -Infinity;
  }
}

/**
 * Animate with what costs the browser no layout: only `transform` and `opacity` may be in the steps.
 *
 * @param {Element} element
 * @param {Keyframe[]} steps
 * @param {KeyframeAnimationOptions} timing
 */
export function animate(element, steps, timing) {
  const animation = element.animate(steps, { easing: "ease-out", fill: "none", ...timing });
  // It is over, or its element has gone: nobody is to be told.
  animation.finished.catch(() => {});
  return animation;
}

/** @param {string} address @param {string} className */
function drawing(address, className) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", address);
  svg.append(use);
  return svg;
}

/** @param {string} colour "#rrggbb" */
function channels(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

/** @param {string} colour @param {number} opacity */
function rgba(colour, opacity) {
  return `rgba(${channels(colour).join(", ")}, ${opacity})`;
}

/** Whether dark letters are better to read on it. @param {string} colour */
function isLight(colour) {
  const [red, green, blue] = channels(colour);
  return 0.299 * red + 0.587 * green + 0.114 * blue > 150;
}
