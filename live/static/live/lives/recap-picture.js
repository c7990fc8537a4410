/**
 * The recap of a LIVE as an SVG picture of 1080 × 1920.
 *
 * All of it is in the picture itself, photographs too: an SVG that a canvas draws loads nothing.
 */

import { language, number, shortNumber, timeOfDay } from "../../shared/format.js";
import { initials, toneOf } from "../../shared/people.js";

/** @typedef {import("./data.js").Live} Live */
/** @typedef {import("./data.js").Gifter} Gifter */

export const WIDTH = 1080;
export const HEIGHT = 1920;

const SVG = "http://www.w3.org/2000/svg";
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";
/** From the picture's edges. */
const MARGIN = 84;
const INNER = WIDTH - 2 * MARGIN;

const WHITE = "#ffffff";
const QUIET = "#c9b6c6";
const PINK = "#ff5c8a";
const BLUE = "#6ea8ff";
const GOLD = "#ffc46b";
const CARD = "rgb(255 255 255 / 0.08)";
const TONES = ["#2f6fc4", "#b8541a", "#7a4fc0", "#0e7d73", "#b3357f"];
/** Of the first three places. */
const MEDALS = [GOLD, "#d5dae2", "#d99a6c"];

const measure = /** @type {CanvasRenderingContext2D} */ (
  document.createElement("canvas").getContext("2d")
);
const day = new Intl.DateTimeFormat(language, { dateStyle: "long" });

/**
 * Make the picture.
 *
 * @param {Live} live
 * @param {(address: string) => string} pictureOf A photograph as a data URL; empty where there is
 *   none.
 * @param {string} duration The LIVE's, in words.
 * @returns {SVGElement}
 */
export function recapPicture(live, pictureOf, duration) {
  const hasGifters = live.top_gifters.length > 0;
  return svg(
    "svg",
    { xmlns: SVG, width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}` },
    ...background(),
    ...head(live, duration),
    ...diamonds(live, pictureOf),
    ...tiles(live, 760),
    ...course(live, 1130, hasGifters ? 290 : 560),
    ...(hasGifters ? gifters(live.top_gifters, pictureOf, 1490) : []),
    text(gettext("LIVE relay"), { x: WIDTH / 2, y: 1874, size: 26, fill: QUIET, anchor: "middle" }),
  );
}

// --- The parts, from top to bottom ------------------------------------------------------------------

function background() {
  return [
    svg(
      "defs",
      {},
      gradient("night", { x1: 0, y1: 0, x2: 0.4, y2: 1 }, [
        [0, "#4a0d33"],
        [0.45, "#24113a"],
        [1, "#0d1020"],
      ]),
      svg(
        "radialGradient",
        { id: "glow", cx: 0.85, cy: 0.08, r: 0.75 },
        stop(0, "#ff2d6f", 0.55),
        stop(1, "#ff2d6f", 0),
      ),
      gradient("below", { x1: 0, y1: 0, x2: 0, y2: 1 }, [
        [0, BLUE, 0.5],
        [1, BLUE, 0.04],
      ]),
      clip("round", { rx: 0.5 }),
      clip("card", { rx: 0.14 }),
    ),
    svg("rect", { width: WIDTH, height: HEIGHT, fill: "url(#night)" }),
    svg("rect", { width: WIDTH, height: HEIGHT, fill: "url(#glow)" }),
  ];
}

/** @param {Live} live @param {string} duration */
function head(live, duration) {
  const badge = "LIVE";
  const width = widthOf(badge, 34, 800) + 44;
  const began = new Date(live.began_at);
  const when = `${day.format(began)}, ${timeOfDay(live.began_at)}`;
  const lasted = live.is_heard
    ? interpolate(gettext("%(duration)s so far"), { duration }, true)
    : duration;
  const titles = wrapped(live.title, 46, 600, INNER, 2);
  return [
    svg("rect", { x: MARGIN, y: 92, width, height: 58, rx: 14, fill: "#ff2d55" }),
    text(badge, { x: MARGIN + 22, y: 133, size: 34, weight: 800 }),
    fitted(`@${live.tiktok_username}`, { x: MARGIN, y: 244, size: 76, weight: 800 }, INNER),
    ...titles.map((line, index) =>
      text(line, { x: MARGIN, y: 318 + index * 56, size: 46, weight: 600, fill: "#f3e8f1" }),
    ),
    fitted(
      `${when} · ${lasted}`,
      { x: MARGIN, y: (titles.length ? 318 + titles.length * 56 : 312) + 6, size: 36, fill: QUIET },
      INNER,
    ),
  ];
}

/** @param {Live} live @param {(address: string) => string} pictureOf */
function diamonds(live, pictureOf) {
  const y = 640;
  const photograph = live.biggest_gift && pictureOf(live.biggest_gift.image);
  const room = photograph ? INNER - 260 : INNER;
  return [
    ...(live.at_least
      ? [text(gettext("at least"), { x: MARGIN, y: y - 170, size: 40, fill: QUIET })]
      : []),
    fitted(number(live.diamonds), { x: MARGIN - 6, y, size: 190, weight: 800, fill: GOLD }, room),
    text(ngettext("diamond", "diamonds", live.diamonds), { x: MARGIN, y: y + 62, size: 44, weight: 600, fill: "#f3e8f1" }),
    ...(photograph && live.biggest_gift
      ? [
          svg("image", {
            href: photograph,
            x: WIDTH - MARGIN - 220,
            y: y - 190,
            width: 220,
            height: 220,
            "clip-path": "url(#card)",
          }),
          fitted(
            live.biggest_gift.gift +
              (live.biggest_gift.count > 1 ? ` ×${number(live.biggest_gift.count)}` : ""),
            { x: WIDTH - MARGIN - 110, y: y + 62, size: 32, fill: QUIET, anchor: "middle" },
            220,
          ),
        ]
      : []),
  ];
}

/** @param {Live} live @param {number} top */
function tiles(live, top) {
  /** @type {[string, number, boolean][]} */
  const shown = [
    [gettext("most viewers"), live.viewers_peak, live.at_least],
    [gettext("likes"), live.likes, live.likes_at_least],
    [gettext("new followers"), live.follows, live.at_least],
    [gettext("comments"), live.comments, live.at_least],
  ];
  const gap = 24;
  const width = (INNER - gap) / 2;
  const height = 150;
  return shown.flatMap(([label, value, isAtLeast], index) => {
    const x = MARGIN + (index % 2) * (width + gap);
    const y = top + Math.floor(index / 2) * (height + gap);
    const before = isAtLeast ? `${gettext("at least")} ` : "";
    const indent = before ? widthOf(before, 32, 400) + 12 : 0;
    const line = y + 78;
    return [
      svg("rect", { x, y, width, height, rx: 28, fill: CARD }),
      text(before, { x: x + 32, y: line, size: 32, fill: QUIET }),
      fitted(
        shortNumber(value),
        { x: x + 32 + indent, y: line, size: 64, weight: 800 },
        width - 64 - indent,
      ),
      fitted(label, { x: x + 32, y: y + 122, size: 32, fill: QUIET }, width - 64),
    ];
  });
}

/** @param {Live} live @param {number} top @param {number} height */
function course(live, top, height) {
  const { viewers, diamonds: given, begins_at: begins, minutes } = live.course;
  const [left, right] = [MARGIN + 32, WIDTH - MARGIN - 32];
  const [upper, lower] = [top + 76, top + height - 56];
  const each = (right - left) / viewers.length;
  const highest = Math.max(1, ...viewers.map((value) => value ?? 0));
  const most = Math.max(1, ...given);
  const points = viewers.flatMap((value, index) =>
    value === null
      ? []
      : [[left + (index + 0.5) * each, lower - (value / highest) * (lower - upper)].map(short)],
  );
  const line = points.length ? `M${points.map((point) => point.join(" ")).join("L")}` : "";
  const below = line && `${line}L${points.at(-1)?.[0]} ${lower}L${points[0]?.[0]} ${lower}Z`;
  const bars = given
    .map((value, index) => {
      const high = value && Math.max(3, (value / most) * (lower - upper) * 0.6);
      const x = left + index * each + each * 0.15;
      return high ? `M${short(x)} ${lower}v${-short(high)}h${short(each * 0.7)}V${lower}z` : "";
    })
    .join("");
  const ends = begins + viewers.length * minutes * 60_000;
  const times = { y: top + height - 18, size: 26, fill: QUIET };
  const key = top + 50;
  const second = MARGIN + 32 + 34 + widthOf(gettext("viewers"), 28, 400) + 40;
  return [
    svg("rect", { x: MARGIN, y: top, width: INNER, height, rx: 28, fill: CARD }),
    svg("circle", { cx: MARGIN + 42, cy: key - 10, r: 10, fill: BLUE }),
    text(gettext("viewers"), { x: MARGIN + 66, y: key, size: 28, fill: QUIET }),
    svg("circle", { cx: second + 10, cy: key - 10, r: 10, fill: GOLD }),
    text(gettext("diamonds"), { x: second + 34, y: key, size: 28, fill: QUIET }),
    ...battles(live, key),
    svg("path", { d: below, fill: "url(#below)" }),
    svg("path", { d: bars, fill: GOLD, "fill-opacity": 0.9 }),
    svg("path", {
      d: line,
      fill: "none",
      stroke: BLUE,
      "stroke-width": 5,
      "stroke-linejoin": "round",
      "stroke-linecap": "round",
    }),
    text(timeOfDay(begins), { x: left, ...times }),
    text(timeOfDay(ends), { x: right, anchor: "end", ...times }),
  ];
}

/** @param {Live} live @param {number} y */
function battles({ battles: { won, lost, draw, unknown } }, y) {
  const told = won + lost + draw;
  if (!told && !unknown) return [];
  // Of those of which TikTok has sent no result, nothing can be said but that there were some.
  const words = told
    ? ngettext("%(won)s of %(count)s battle won", "%(won)s of %(count)s battles won", told)
    : ngettext("%(count)s battle", "%(count)s battles", unknown);
  const shown = interpolate(words, { won: number(won), count: number(told || unknown) }, true);
  return [text(shown, { x: WIDTH - MARGIN - 32, y, size: 28, fill: PINK, anchor: "end", weight: 600 })];
}

/** @param {Gifter[]} top @param {(address: string) => string} pictureOf @param {number} y */
function gifters(top, pictureOf, y) {
  return [
    text(gettext("Top gifters"), { x: MARGIN, y, size: 40, weight: 700 }),
    ...top.flatMap((gifter, index) => {
      const middle = y + 74 + index * 104;
      const name = gifter.nickname || gifter.username || gifter.user_id;
      const photograph = pictureOf(gifter.avatar);
      const x = MARGIN + 44;
      const amount = shortNumber(gifter.diamonds);
      const wide = widthOf(amount, 44, 700);
      return [
        svg("circle", { cx: x, cy: middle, r: 46, fill: MEDALS[index] ?? QUIET }),
        svg("circle", { cx: x, cy: middle, r: 41, fill: colourOf(gifter.user_id) }),
        photograph
          ? svg("image", {
              href: photograph,
              x: x - 41,
              y: middle - 41,
              width: 82,
              height: 82,
              preserveAspectRatio: "xMidYMid slice",
              "clip-path": "url(#round)",
            })
          : text(initials(name), { x, y: middle + 12, size: 34, weight: 700, anchor: "middle" }),
        fitted(
          name,
          { x: x + 76, y: middle + 15, size: 44, weight: 600 },
          WIDTH - MARGIN - wide - 40 - (x + 76),
        ),
        text(amount, {
          x: WIDTH - MARGIN,
          y: middle + 15,
          size: 44,
          weight: 700,
          fill: GOLD,
          anchor: "end",
        }),
      ];
    }),
  ];
}

// --- Texts --------------------------------------------------------------------------------------------

/**
 * @typedef {object} Look
 * @property {number} x
 * @property {number} y Of the line on which letters stand.
 * @property {number} size Of the letters.
 * @property {number} [weight]
 * @property {string} [fill]
 * @property {"start" | "middle" | "end"} [anchor] Which part of the text is at `x`.
 */

/** @param {string} words @param {Look} look */
function text(words, { x, y, size, weight = 400, fill = WHITE, anchor = "start" }) {
  const attributes = { x, y, fill, "font-size": size, "font-weight": weight };
  return svg("text", { ...attributes, "font-family": FONT, "text-anchor": anchor }, words);
}

/** A text that is made smaller, and then shortened, until it fits. @param {string} words @param {Look} look @param {number} room */
function fitted(words, look, room) {
  const weight = look.weight ?? 400;
  const least = look.size * 0.6;
  let { size } = look;
  while (size > least && widthOf(words, size, weight) > room) size -= 2;
  return text(shortened(words, size, weight, room), { ...look, size });
}

/** @param {string} words @param {number} size @param {number} weight @param {number} room */
function shortened(words, size, weight, room) {
  if (widthOf(words, size, weight) <= room) return words;
  const characters = [...words];
  while (characters.length && widthOf(`${characters.join("")}…`, size, weight) > room) {
    characters.pop();
  }
  return `${characters.join("").trimEnd()}…`;
}

/**
 * The text in lines that fit; the last one is shortened.
 *
 * @param {string} words
 * @param {number} size
 * @param {number} weight
 * @param {number} room
 * @param {number} most How many lines.
 */
function wrapped(words, size, weight, room, most) {
  /** @type {string[]} */
  const lines = [];
  for (const word of words.split(/\s+/).filter(Boolean)) {
    const last = lines.at(-1);
    const longer = last === undefined ? word : `${last} ${word}`;
    const fits = widthOf(longer, size, weight) <= room;
    if (last !== undefined && (fits || lines.length === most)) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map((line) => shortened(line, size, weight, room));
}

/** @param {string} words @param {number} size @param {number} weight */
function widthOf(words, size, weight) {
  measure.font = `${weight} ${size}px ${FONT}`;
  return measure.measureText(words).width;
}

/** The same for a person, always. @param {string} id */
function colourOf(id) {
  return TONES[toneOf(id, TONES.length)] ?? PINK;
}

/** @param {number} value */
const short = (value) => Math.round(value * 10) / 10;

// --- Elements -----------------------------------------------------------------------------------------

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {(Node | string)[]} children
 */
function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name !== "xmlns") made.setAttribute(name, String(value));
  }
  made.append(...children);
  return /** @type {SVGElement} */ (made);
}

/**
 * @param {string} id
 * @param {Record<string, number>} direction
 * @param {[number, string, number?][]} stops Each with its place, colour and opacity.
 */
function gradient(id, direction, stops) {
  return svg("linearGradient", { id, ...direction }, ...stops.map((values) => stop(...values)));
}

/** A shape in whose corners nothing is seen. @param {string} id @param {{ rx: number }} corners Of 1. */
function clip(id, corners) {
  const whole = svg("rect", { width: 1, height: 1, ...corners });
  return svg("clipPath", { id, clipPathUnits: "objectBoundingBox" }, whole);
}

/** @param {number} offset @param {string} colour @param {number} [opacity] */
function stop(offset, colour, opacity = 1) {
  return svg("stop", { offset, "stop-color": colour, "stop-opacity": opacity });
}
