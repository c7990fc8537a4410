/** What stands above the feed for a while and changes in place: a battle, a goal, a poll. */

import { byId, make, setText } from "../../shared/dom.js";
import { number, shortNumber } from "../../shared/format.js";
import { Match } from "./match.js";

/** @typedef {import("../relay-client.js").Frame} Frame */
/** @typedef {Record<string, any>} Data */

/** Seconds for which the end of something is shown. */
const END_SHOWN_FOR = 12;
const RESULTS = { won: gettext("won"), lost: gettext("lost"), draw: gettext("draw") };

/** A part of the page that is taken away some time after the end of what it shows. */
class Panel {
  section;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {string} id */
  constructor(id) {
    this.section = byId(id);
  }

  /** @param {boolean} isOver */
  show(isOver) {
    clearTimeout(this.#timer);
    this.section.hidden = false;
    if (isOver) this.#timer = setTimeout(() => this.hide(), END_SHOWN_FOR * 1000);
  }

  hide() {
    clearTimeout(this.#timer);
    this.section.hidden = true;
    this.section.replaceChildren();
  }
}

export class BattleBar {
  #panel = new Panel("battle");
  #match = new Match();
  #streamer = "";
  #isChanged = false;
  #teams = make("div", "teams");
  /** The bar, whose parts stay, so that they can move. */
  #shares = make("div", "team-shares");

  /** @param {Frame} frame */
  take({ type, data }) {
    if (type === "connected") this.#streamer = data.username;
    if (type !== "battle") return;
    this.#match.take(data, this.#streamer);
    this.#isChanged = true;
  }

  reset() {
    this.#match.reset();
    this.#panel.hide();
  }

  paint() {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const { teams, shares, state, isOn } = this.#match;
    if (!isOn) {
      this.#panel.hide();
      return;
    }
    const parts = teams.map((team) => {
      const name = make("span", "team-name", team.name || "?");
      const score = make("strong", "", shortNumber(team.score));
      const part = make("div", "team", name, " ", score);
      const result = RESULTS[/** @type {keyof typeof RESULTS} */ (team.result)];
      if (result) part.append(" ", make("span", "result", result));
      return part;
    });
    this.#paintShares(shares);
    this.#teams.replaceChildren(...parts);
    if (!this.#teams.isConnected) this.#panel.section.append(this.#teams, this.#shares);
    this.#panel.show(state === "ended");
  }

  /** @param {number[]} shares */
  #paintShares(shares) {
    if (this.#shares.childElementCount !== shares.length) {
      this.#shares.replaceChildren(...shares.map(() => make("span", "")));
    }
    const bars = /** @type {HTMLElement[]} */ ([...this.#shares.children]);
    bars.forEach((bar, index) => {
      bar.style.flexGrow = String(shares[index]);
    });
  }
}

export class GoalLine {
  #panel = new Panel("goal");
  /** @type {Data | null} */
  #goal = null;

  /** @param {Frame} frame */
  take({ type, data }) {
    if (type === "goal") this.#goal = data;
  }

  reset() {
    this.#goal = null;
    this.#panel.hide();
  }

  paint() {
    if (!this.#goal) return;
    const { text, parts } = this.#goal;
    this.#goal = null;
    const lines = parts.slice(0, 3).map((/** @type {Data} */ { progress, target, gift }) => {
      const bar = document.createElement("progress");
      bar.max = Math.max(1, target);
      bar.value = Math.min(progress, target);
      const name = text || gift?.name || gettext("Goal");
      bar.setAttribute("aria-label", name);
      const count = make("span", "number", `${number(progress)} / ${number(target)}`);
      return make("div", "goal-part", make("span", "goal-name", name), bar, count);
    });
    if (!lines.length) return;
    this.#panel.section.replaceChildren(...lines);
    const isReached = parts.every((/** @type {Data} */ part) => part.progress >= part.target);
    this.#panel.show(isReached);
  }
}

export class PollCard {
  #panel = new Panel("poll");
  #id = "";
  #title = "";
  /** @type {Data | null} */
  #poll = null;

  /** @param {Frame} frame */
  take({ type, data }) {
    if (type !== "poll") return;
    if (data.id !== this.#id) this.#title = "";
    this.#id = data.id;
    this.#title = data.title ?? this.#title;
    this.#poll = data;
  }

  reset() {
    this.#poll = null;
    this.#panel.hide();
  }

  paint() {
    if (!this.#poll) return;
    const { options, state } = this.#poll;
    this.#poll = null;
    const sum = options.reduce((/** @type {number} */ all, /** @type {Data} */ { votes }) => all + votes, 0);
    const head = make("strong", "poll-title", this.#title || gettext("Poll"));
    if (state === "ended") head.append(" ", make("span", "result", gettext("ended")));
    const shown = options.map((/** @type {Data} */ { text, votes }) => option(text, votes, sum));
    this.#panel.section.replaceChildren(head, make("ul", "", ...shown));
    this.#panel.show(state === "ended");
  }
}

/** @param {string} text @param {number} votes @param {number} sum Of all options. */
function option(text, votes, sum) {
  const part = sum ? votes / sum : 0;
  const made = make("li", "", make("span", "option", text), make("span", "number", number(votes)));
  made.style.setProperty("--part", `${Math.round(part * 100)}%`);
  return made;
}

/** What is being said, under the feed. */
export class Caption {
  #place = byId("caption");
  #text = "";
  #isChanged = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Frame} frame */
  take({ type, data }) {
    if (type !== "caption") return;
    const { lang } = document.documentElement;
    const texts = /** @type {Data[]} */ (data.texts);
    this.#text = (texts.find(({ language }) => language === lang) ?? texts[0])?.text ?? "";
    this.#isChanged = true;
  }

  reset() {
    this.#text = "";
    this.#isChanged = true;
  }

  paint() {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    setText(this.#place, this.#text);
    this.#place.hidden = !this.#text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#place.hidden = true;
    }, END_SHOWN_FOR * 1000);
  }
}
