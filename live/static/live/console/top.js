/** The top gifters: TikTok's own ranking where it tells one, else what the relay has counted. */

import { byId, make } from "../../shared/dom.js";
import { shortNumber } from "../../shared/format.js";
import { avatar, nameOf } from "./elements.js";

/** @typedef {import("../relay-client.js").Frame} Frame */
/** @typedef {{ user: Record<string, any>, coins: number }} Gifter */

const PLACES = 5;
const FACES = 3;
/** Of more people, those who gave least are forgotten. */
const MAX_GIFTERS = 1000;

export class TopGifters {
  #nobodyYet = byId("top-empty");
  #list = byId("top-list");
  /** The first three, where there is no room for the list. */
  #faces = byId("top-faces");
  /** What the relay has counted, by user. @type {Map<string, Gifter>} */
  #counted = new Map();
  /** @type {Gifter[]} */
  #ranking = [];
  #painted = "";

  /** @param {Frame} frame */
  take({ type, data }) {
    if (type === "connected" && data.snapshot.top.length) {
      this.#counted.clear();
      for (const { user, diamonds } of data.snapshot.top) {
        this.#counted.set(user.id, { user, coins: diamonds });
      }
    } else if (type === "viewers") {
      this.#ranking = data.top;
    } else if (type === "gift" && data.streak !== "ongoing") {
      const { user, diamonds_total: diamonds } = data;
      const before = this.#counted.get(user.id)?.coins ?? 0;
      this.#counted.set(user.id, { user, coins: before + diamonds });
      if (this.#counted.size > MAX_GIFTERS) this.#forgetTheSmall();
    }
  }

  reset() {
    this.#counted.clear();
    this.#ranking = [];
  }

  paint() {
    const top = (this.#ranking.length ? this.#ranking : sorted(this.#counted)).slice(0, PLACES);
    const painted = JSON.stringify(top.map(({ user, coins }) => [user.id, user.nickname, coins]));
    if (painted === this.#painted) return;
    this.#painted = painted;
    this.#nobodyYet.hidden = top.length > 0;
    this.#list.replaceChildren(...top.map(place), ...(top.length ? freePlaces(top.length) : []));
    this.#faces.replaceChildren(...top.slice(0, FACES).map(({ user }) => avatar(user)));
  }

  #forgetTheSmall() {
    const kept = sorted(this.#counted).slice(0, MAX_GIFTERS / 2);
    this.#counted = new Map(kept.map((gifter) => [gifter.user.id, gifter]));
  }
}

/** @param {Map<string, Gifter>} gifters */
function sorted(gifters) {
  return [...gifters.values()].sort((a, b) => b.coins - a.coins);
}

/** What shows where there is room for more, which the wide page keeps. @param {number} taken */
function freePlaces(taken) {
  return Array.from({ length: PLACES - taken }, () => {
    const free = make("li", "free", make("span", "avatar"));
    free.setAttribute("aria-hidden", "true");
    return free;
  });
}

/** @param {Gifter} gifter */
function place({ user, coins }) {
  return make(
    "li",
    "",
    avatar(user),
    make("span", "name", nameOf(user)),
    make("span", "coins", shortNumber(coins)),
  );
}
