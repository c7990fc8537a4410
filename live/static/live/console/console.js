/**
 * The live console: the relay's client for browsers, which behaves as the mobile app does.
 *
 * Here the parts meet. Each part takes the frames that concern it as they come, and paints what has
 * changed once per animation frame.
 */

import { byId, setText } from "../../shared/dom.js";
import { language } from "../../shared/format.js";
import { RelayClient } from "../relay-client.js";
import { AloudPanel } from "./aloud.js";
import { Counters } from "./counters.js";
import { Errors } from "./errors.js";
import { Feed } from "./feed.js";
import { Filters, switchTimes } from "./filters.js";
import { Gifts, Tray } from "./gifts.js";
import { Looks } from "./looks.js";
import { BattleBar, Caption, GoalLine, PollCard } from "./panels.js";
import { Pin } from "./pin.js";
import { Recap } from "./recap.js";
import { canRetryNow } from "./remedies.js";
import { RolledLines } from "./rolled-lines.js";
import { Stand } from "./stand.js";
import { StateLine } from "./state.js";
import { TestSwitch } from "./testing.js";
import { issueToken, Tokens } from "./token.js";
import { TopGifters } from "./top.js";
import { Welcome } from "./welcome.js";

/** @typedef {import("../relay-client.js").Frame} Frame */
/** @typedef {import("../relay-client.js").Closed} Closed */
/** @typedef {import("../relay-client.js").Reconnecting} Reconnecting */
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
  #tryNow = byId("try-now");
  #feed = new Feed();
  #counters = new Counters();
  #top = new TopGifters();
  #pin = new Pin();
  /** What stands above and below the feed only while the LIVE goes on. */
  #panels = [new BattleBar(), new GoalLine(), new PollCard(), new Caption()];
  /** What takes every frame, and paints. */
  #parts = [
    new RolledLines(),
    new Gifts(),
    new Tray(),
    this.#counters,
    this.#top,
    ...this.#panels,
  ];
  #aloud;
  #state;
  #errors;
  #tokens;
  #looks;
  #recap;
  #welcome;
  #test = new TestSwitch(() => this.#switch());
  /** Empty: the account has none, and there is no LIVE to connect to. */
  #username;
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
    this.#username = username;
    this.#state = new StateLine(username);
    this.#errors = new Errors(account, () => this.#connectAnew());
    this.#aloud = new AloudPanel(csrf);
    this.#tokens = new Tokens(tokenPrefix, () => issueToken(tokens, csrf));
    this.#looks = new Looks(page.status ?? "", () => this.#tokens.get());
    this.#recap = new Recap(page.recap ?? "", page.afterwards ?? "");
    this.#welcome = new Welcome({
      csrf,
      named: (name) => this.#onNamed(name),
      connect: () => this.connect(),
      test: () => this.#test.start(),
    });
    new Filters((filter) => this.#feed.filter(filter));
    new Stand();
    switchTimes();
    this.#button.addEventListener("click", () =>
      this.#isWanted ? this.disconnect() : this.connect(),
    );
    this.#tryNow.addEventListener("click", () => this.#connectAnew());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#client?.reconnectNow();
    });
    this.#showWhatIsPossible();
  }

  async connect() {
    if (!this.#canConnect) return;
    this.#welcome.show(false);
    this.#want(true);
    const wish = this.#wish;
    this.#showState("connecting");
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
    client.on("connecting", () => this.#showState("connecting"));
    client.on("reconnecting", (reconnecting) => this.#onReconnecting(reconnecting));
    client.on("frame", (frame) => this.#take(frame));
    client.on("closed", (closed) => closed.final && this.#onClosed(closed, token));
    this.#client = client;
    client.connect();
  }

  disconnect() {
    this.#want(false);
    this.#isTokenNew = false;
    this.#drop();
    this.#showState("off");
    this.#showWhatIsPossible();
  }

  /** Without a username there is no LIVE; made-up events need none. */
  get #canConnect() {
    return Boolean(this.#username || this.#test.chosen);
  }

  #drop() {
    const client = this.#client;
    this.#client = null;
    client?.close();
  }

  /** Whoever waits for the next attempt wants it now. */
  #connectAnew() {
    this.#cursor = this.#client?.cursor ?? this.#cursor;
    this.#drop();
    this.connect();
  }

  /** The test endpoint instead of the LIVE, or the other way round: nothing is left of the other. */
  #switch() {
    this.disconnect();
    this.#cursor = null;
    this.#roomId = "";
    for (const part of [this.#feed, this.#pin, this.#aloud, ...this.#parts]) part.reset();
    this.#paintSoon();
    this.connect();
  }

  /** @param {string} username */
  #onNamed(username) {
    this.#username = username;
    this.#state.username = username;
    this.#button.hidden = false;
  }

  // --- What the client says ----------------------------------------------------------------------

  /** @param {Frame} frame */
  #take(frame) {
    const { type, data } = frame;
    if (type === "connected") this.#onConnected(data);
    if (type === "connected" || type === "status") {
      this.#isTokenNew = false;
      this.#state.take(frame);
      this.#onState();
    }
    if (type === "error" && !this.#isMended(data.code)) {
      this.#errors.show(/** @type {RelayError} */ (data));
    }
    // Of what the test endpoint plays, nothing is kept.
    if (type === "live_end" && !this.#isTest) {
      this.#feed.takeCard(frame, this.#recap.card(this.#roomId));
    } else {
      this.#feed.take(frame);
    }
    this.#pin.take(frame);
    this.#aloud.take(frame);
    for (const part of this.#parts) part.take(frame);
    if (type === "live_end") for (const panel of this.#panels) panel.reset();
    this.#paintSoon();
  }

  /** @param {Record<string, any>} connected */
  #onConnected({ room_id: roomId, test }) {
    if (this.#roomId && roomId !== this.#roomId) {
      for (const part of this.#parts) part.reset();
    }
    this.#roomId = roomId;
    this.#isTest = Boolean(test);
    this.#test.mark(this.#isTest);
  }

  /** @param {Reconnecting} reconnecting */
  #onReconnecting({ retryIn, attempt, error }) {
    this.#state.showReconnecting(retryIn, attempt, error?.title);
    this.#onState();
    this.#tryNow.hidden = !canRetryNow(error?.code ?? "", error?.retry_after);
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
    this.#showState(error ? "failed" : "ended", error?.title);
    if (error?.code === "username_missing" && !this.#test.chosen) {
      this.#username = ""; // it was taken away on another page
      this.#showWhatIsPossible();
    }
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
    this.#onState();
    const wish = this.#wish;
    setTimeout(() => wish === this.#wish && this.connect(), RENEW_AFTER * 1000);
  }

  #hasNoToken() {
    const title = gettext("The server can't be reached, or you are signed out");
    this.#want(false);
    this.#showState("failed", title);
    this.#errors.show({
      title,
      detail: gettext("Without the server's permission the console can't connect."),
      hint: gettext("Load the page again."),
    });
  }

  // --- The state, the button, and painting --------------------------------------------------------

  /** @param {import("./state.js").State} state @param {string} [detail] What else there is to say. */
  #showState(state, detail) {
    this.#state.show(state, detail);
    this.#onState();
  }

  #onState() {
    this.#tryNow.hidden = true;
    if (this.#state.state === "waiting" && !this.#test.chosen) this.#looks.start();
    else this.#looks.stop();
  }

  /** Without a username, the way to one stands in the feed's place. */
  #showWhatIsPossible() {
    this.#button.hidden = !this.#canConnect;
    this.#welcome.show(!this.#canConnect);
  }

  get #isWanted() {
    return this.#button.dataset.wanted === "yes";
  }

  /** @param {boolean} isWanted */
  #want(isWanted) {
    this.#wish += 1;
    const text = isWanted ? gettext("Disconnect") : gettext("Connect");
    this.#button.hidden = false;
    this.#button.dataset.wanted = isWanted ? "yes" : "no";
    this.#button.title = text;
    setText(byId("connect-text"), text);
  }

  #paintSoon() {
    if (this.#isPaintingSoon) return;
    this.#isPaintingSoon = true;
    requestAnimationFrame(() => {
      this.#isPaintingSoon = false;
      for (const part of [this.#feed, ...this.#parts]) part.paint();
    });
  }
}

const page = byId("console").dataset;
const liveConsole = new Console(page);
// Without a username there is no LIVE to connect to; the page says how to get one.
if (page.username) liveConsole.connect();
