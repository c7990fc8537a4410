/** Goal: how far the LIVE has come. */

import { make, setText } from "../../../shared/dom.js";
import { animate, Pace } from "../stage.js";

/** @typedef {import("../stage.js").Stage} Stage */
/** @typedef {import("../sums.js").Sums} Sums */

/** How often the figures change, in ms: faster, nobody reads them. */
const PACE = 200;
/** A gleam runs over the bar when it has grown, no more often than that, in ms. */
const SHINE = 4000;

export class Goal {
  #stage;
  #sums;
  #node = make("div", "goal");
  #title = make("span", "title");
  #now = make("span", "now");
  #target = make("span", "target");
  #share = make("span", "share");
  #fill = make("span", "fill");
  #shine = make("span", "shine");
  #shoneAt = -SHINE;
  #pace;
  #painted = "";
  #isReached = false;

  /** @param {Stage} stage @param {Sums} sums */
  constructor(stage, sums) {
    this.#stage = stage;
    this.#pace = new Pace(stage, PACE);
    this.#sums = sums;
    const track = make("span", "track", this.#fill, this.#shine);
    const figures = make("span", "figures", this.#now, make("span", "of", "/"), this.#target);
    const head = make("span", "head", this.#title, figures);
    this.#node.append(head, track, this.#share);
    stage.root.append(this.#node);
  }

  apply() {
    this.#painted = "";
    this.#pace.hurry();
  }

  take() {}

  paint() {
    const { metric, start, target, title } = this.#stage.options;
    const value = start + (this.#sums[/** @type {"diamonds"} */ (metric)] ?? 0);
    const painted = `${value} ${target} ${title}`;
    if (painted === this.#painted || !this.#pace.isDue()) return;
    this.#painted = painted;
    const part = Math.min(1, value / target);
    setText(this.#title, title || this.#stage.text(`goal ${metric}`));
    setText(this.#now, this.#stage.number(value));
    setText(this.#target, this.#stage.number(target));
    setText(this.#share, `${Math.floor(part * 100)}%`);
    this.#fill.style.setProperty("--part", String(part));
    this.#celebrate(part >= 1);
    const now = performance.now();
    const { style } = this.#stage.options;
    if (style !== "bar" || this.#stage.isReduced || now < this.#shoneAt + SHINE) return;
    this.#shoneAt = now;
    const steps = [{ transform: "translateX(-100%)" }, { transform: "translateX(500%)" }];
    animate(this.#shine, steps, { duration: 1200 });
  }

  /** @param {boolean} isReached */
  #celebrate(isReached) {
    this.#node.classList.toggle("reached", isReached);
    if (isReached && !this.#isReached && !this.#stage.isReduced) {
      const steps = [{ transform: "scale(1)" }, { transform: "scale(1.07)" }, { transform: "scale(1)" }];
      animate(this.#node, steps, { duration: 500, iterations: 2 });
    }
    this.#isReached = isReached;
  }
}
