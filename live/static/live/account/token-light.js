/**
 * The light on the page of a new token: waits for the phone, and says what came of it. It asks the
 * server about the token by its number; the token itself is in no address.
 */

import { byId, find, setText } from "../../shared/dom.js";

const ASK_EVERY = 2000; // ms

/** @typedef {{ state: string, title: string, detail: string, hint: string, client: string }} Told */

class TokenLight {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    place.hidden = false;
  }

  /** Ask, and go on asking while the page is seen. */
  async run() {
    if (document.visibilityState === "visible") await this.#ask();
    setTimeout(() => this.run(), ASK_EVERY);
  }

  async #ask() {
    try {
      const answer = await fetch(this.place.dataset.address ?? "");
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      this.#show(await answer.json());
    } catch {
      // The server may be starting again, so that phones reach it: this page is still needed.
      this.place.classList.add("silent");
      setText(find(".hint", HTMLElement, this.place), gettext("The server does not answer."));
    }
  }

  /** @param {Told} told */
  #show(told) {
    this.place.classList.remove("silent");
    this.place.dataset.state = told.state;
    for (const part of /** @type {const} */ (["title", "detail", "hint", "client"])) {
      setText(find(`.${part}`, HTMLElement, this.place), told[part]);
    }
  }
}

new TokenLight(byId("token-light")).run();
