/**
 * The live console: the relay's client for browsers, which behaves as the mobile app does.
 *
 * Here the parts meet. Each part takes the frames that concern it as they come, and paints what has
 * changed once per animation frame.
 */

import { byId } from "../../shared/dom.js";
import { language } from "../../shared/format.js";
import { RelayClient } from "../relay-client.js";
import { AloudPanel } from "./aloud.js";
import { Counters } from "./counters.js";
import { Errors } from "./errors.js";
import { Feed } from "./feed.js";
import { Gifts } from "./gifts.js";
import { Pin } from "./pin.js";
import { StateLine } from "./state.js";
import { TestSwitch } from "./testing.js";
import { issueToken, Tokens } from "./token.js";
import { TopGifters } from "./top.js";

/** @typedef {import("../relay-client.js").Frame} Frame */
/** @typedef {import("../relay-client.js").Closed} Closed */
/** @typedef {import("../relay-client.js").RelayError} RelayError */

/** Milliseconds over which the relay gathers events: few enough to look immediate. */
const BATCH = 100;
/** What another token mends. */
const TOKEN_ERRORS = new Set(["invalid_token", "token_revoked"]);
/**
 * Seconds before that is asked for. Changing the password revokes the token before the browser hears
 * of its session's new key; whoever asks with the old one is not signed in.
 */
const RENEW_AFTER = 2;

class Console {
  #button = byId("connect");
  /** Leads to the LIVE's page, once the LIVE has ended. */
  #afterwards = byId("afterwards");
  #feed = new Feed();
  #gifts = new Gifts();
  #counters = new Counters();
  #top = new TopGifters();
  #pin = new Pin();
  #aloud;
  #state;
  #errors;
  #tokens;
  #test = new TestSwitch(() => this.#switch());
  /** Null: the person wants no connection, or none can be had. @type {RelayClient | null} */
  #client = null;
  /** @type {string | null} */
  #cursor = null;
  #roomId = "";
  #isTest = false;
  /** Counts up with each wish to connect or not, so that an old one that took its time is seen. */
  #wish = 0;
  /** Whether the token is there because the one before was refused, and has opened nothing yet. */
  #isTokenNew = false;
  #isPaintingSoon = false;

  /** @param {DOMStringMap} page What the template knows. */
  constructor(page) {
    const { account = "", username = "", tokenPrefix = "", tokens = "", csrf = "" } = page;
    this.#state = new StateLine(username);
    this.#errors = new Errors(account);
    this.#aloud = new AloudPanel(csrf);
    this.#tokens = new Tokens(tokenPrefix, () => issueToken(tokens, csrf));
    this.#button.addEventListener("click", () =>
      this.#isWanted ? this.disconnect() : this.connect(),
    );
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#client?.reconnectNow();
    });
  }

  async connect() {
    this.#want(true);
    const wish = this.#wish;
    this.#state.show("connecting");
    let token;
    try {
      token = await this.#tokens.get();
    } catch {
      if (wish === this.#wish) this.#hasNoToken();
      return;
    }
    if (wish !== this.#wish) return;
    const test = this.#test.chosen;
    const client = new RelayClient({
      url: location.origin.replace(/^http/, "ws"),
      token,
      wait: test?.fail !== "user_offline", // which nobody is told who waits
      batch: BATCH,
      lang: language,
      since: this.#cursor,
      test,
    });
    client.on("connecting", () => this.#state.show("connecting"));
    client.on("reconnecting", ({ retryIn, attempt }) =>
      this.#state.showReconnecting(retryIn, attempt),
    );
    client.on("frame", (frame) => this.#take(frame));
    client.on("closed", (closed) => closed.final && this.#onClosed(closed, token));
    this.#client = client;
    client.connect();
  }

  disconnect() {
    this.#want(false);
    this.#isTokenNew = false;
    const client = this.#client;
    this.#client = null;
    client?.close();
    this.#state.show("off");
  }

  /** The test endpoint instead of the LIVE, or the other way round: nothing is left of the other. */
  #switch() {
    this.disconnect();
    this.#cursor = null;
    this.#roomId = "";
    this.#afterwards.hidden = true;
    for (const part of [this.#feed, this.#gifts, this.#counters, this.#top, this.#pin]) {
      part.reset();
    }
    this.#aloud.reset();
    this.#paintSoon();
    this.connect();
  }

  // --- What the client says ----------------------------------------------------------------------

  /** @param {Frame} frame */
  #take(frame) {
    const { type, data } = frame;
    if (type === "connected") this.#onConnected(data);
    if (type === "connected" || type === "status") {
      this.#isTokenNew = false;
      this.#state.take(frame);
    }
    if (type === "error" && !this.#isMended(data.code)) {
      this.#errors.show(/** @type {RelayError} */ (data));
    }
    // Of what the test endpoint plays, nothing is kept.
    if (type === "live_end") this.#afterwards.hidden = this.#isTest;
    this.#feed.take(frame);
    this.#gifts.take(frame);
    this.#counters.take(frame);
    this.#top.take(frame);
    this.#pin.take(frame);
    this.#aloud.take(frame);
    this.#paintSoon();
  }

  /** @param {Record<string, any>} connected */
  #onConnected({ room_id: roomId, test }) {
    if (this.#roomId && roomId !== this.#roomId) {
      this.#counters.forget();
      this.#top.reset();
    }
    this.#roomId = roomId;
    this.#isTest = Boolean(test);
    this.#test.mark(this.#isTest);
    this.#afterwards.hidden = true;
  }

  /** @param {Closed} closed @param {string} token */
  #onClosed({ error }, token) {
    if (!this.#client) return; // it was closed here
    this.#cursor = this.#client.cursor;
    this.#client = null;
    if (error && this.#isRefusal(error.code)) this.#tokens.refused(token);
    if (error && this.#isMended(error.code)) {
      this.#renew();
      return;
    }
    this.#isTokenNew = false;
    this.#want(false);
    this.#state.show(error ? "off" : "ended");
  }

  /** Whether the token is of no use; a rehearsal says nothing of that. @param {string} code */
  #isRefusal(code) {
    return TOKEN_ERRORS.has(code) && !this.#test.chosen?.fail;
  }

  /** Tokens end while pages stay open, and another goes on; once. @param {string} code */
  #isMended(code) {
    return this.#isRefusal(code) && !this.#isTokenNew;
  }

  /** Go on with another token, unless the person wants something else meanwhile. */
  #renew() {
    this.#isTokenNew = true;
    this.#state.showReconnecting(RENEW_AFTER, 1);
    const wish = this.#wish;
    setTimeout(() => wish === this.#wish && this.connect(), RENEW_AFTER * 1000);
  }

  #hasNoToken() {
    this.#want(false);
    this.#state.show("off");
    this.#errors.show({
      title: gettext("The server can't be reached, or you are signed out"),
      detail: gettext("Without the server's permission the console can't connect."),
      hint: gettext("Load the page again."),
    });
  }

  // --- The button, and painting ------------------------------------------------------------------

  get #isWanted() {
    return this.#button.dataset.wanted === "yes";
  }

  /** @param {boolean} isWanted */
  #want(isWanted) {
    this.#wish += 1;
    this.#button.dataset.wanted = isWanted ? "yes" : "no";
    this.#button.textContent = isWanted ? gettext("Disconnect") : gettext("Connect");
  }

  #paintSoon() {
    if (this.#isPaintingSoon) return;
    this.#isPaintingSoon = true;
    requestAnimationFrame(() => {
      this.#isPaintingSoon = false;
      for (const part of [this.#feed, this.#gifts, this.#counters, this.#top]) part.paint();
    });
  }
}

const page = byId("console").dataset;
const liveConsole = new Console(page);
// Without a username there is no LIVE to connect to; the page says so.
if (page.username) liveConsole.connect();
