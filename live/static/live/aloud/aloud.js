/**
 * Reads a LIVE aloud: frames come in, and one after the other is heard.
 *
 * The console and the overlay both use it. It is silent until `start`.
 */

import { Filters } from "./filters.js";
import { announcementOf, moreGifts } from "./phrases.js";
import { isDeleted, Queue } from "./queue.js";

/** @typedef {import("./queue.js").Announcement} Announcement */
/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {import("../relay-client.js").Frame} Frame */
/** @typedef {Pick<import("./speaker.js").Speaker, "say" | "stop">} Speaking */
/** @typedef {Pick<import("./sounds.js").Sounds, "play" | "stop">} Sounding */

/** What lets a test be heard, whatever is chosen. */
const HEARD = {
  reads_comments: true,
  reads_gifts: true,
  gift_diamonds: 0,
  of_followers: false,
  of_subscribers: false,
  of_moderators: false,
};

/**
 * Seconds after which an event is not read any more: after a break of the connection, all that was
 * missed comes at once. Who has paid for something is thanked somewhat later, too.
 */
const LATE = 60;
const LATE_GIFT = 300;
const PAID = new Set(["gift", "subscribe"]);

export class Aloud {
  #speaker;
  #sounds;
  #now;
  #onHear;
  #queue = new Queue(moreGifts);
  /** @type {Settings | null} */
  #settings = null;
  /** @type {Filters | null} */
  #filters = null;
  /** What is being heard. @type {Announcement | null} */
  #current = null;
  #isOn = false;
  #isReading = false;
  /** The LIVE that is heard. */
  #room = "";
  /** Milliseconds by which the clock here is ahead of the server's. */
  #ahead = 0;

  /**
   * @param {Speaking} speaker
   * @param {Sounding} sounds
   * @param {object} [more]
   * @param {() => number} [more.now]
   * @param {(announcement: Announcement | null) => void} [more.onHear] Told what is being heard; null
   *   when that is over.
   */
  constructor(speaker, sounds, { now = Date.now, onHear = () => {} } = {}) {
    this.#speaker = speaker;
    this.#sounds = sounds;
    this.#now = now;
    this.#onHear = onHear;
  }

  /** Go by these settings from now on. Until the first, nothing is read. @param {Settings} settings */
  change(settings) {
    this.#settings = settings;
    if (this.#filters) this.#filters.change(settings);
    else this.#filters = new Filters(settings, this.#now);
  }

  start() {
    this.#isOn = true;
  }

  /** Be silent at once; what waited is forgotten. */
  stop() {
    this.#isOn = false;
    this.#queue.clear();
    this.skip();
  }

  /** Leave the rest of what is being heard, and go on with the next. */
  skip() {
    this.#current = null;
    this.#sounds.stop();
    this.#speaker.stop();
  }

  /** Another LIVE: nothing of the one before is read any more. */
  reset() {
    this.#queue.clear();
    this.skip();
  }

  /** @param {Frame} frame */
  take(frame) {
    if (frame.type === "connected") {
      this.#connect(frame);
      return;
    }
    if (!this.#isOn || !this.#settings || !this.#filters || this.#isLate(frame)) return;
    if (frame.type === "delete") {
      this.#delete(frame.data.message_ids, frame.data.user_ids);
      return;
    }
    this.#add(announcementOf(frame, this.#settings, this.#filters));
  }

  /** @param {Frame} connected */
  #connect({ ts, data }) {
    this.#ahead = this.#now() - ts;
    if (this.#room && data.room_id !== this.#room) this.reset();
    this.#room = data.room_id;
  }

  /** Whether it happened too long ago; what moderators delete is never late. @param {Frame} frame */
  #isLate({ type, ts }) {
    if (type === "delete") return false;
    const age = this.#now() - this.#ahead - ts;
    return age > (PAID.has(type) ? LATE_GIFT : LATE) * 1000;
  }

  /** Read a made-up frame, whoever it is from, and however often. @param {Frame} frame */
  test(frame) {
    if (!this.#isOn || !this.#settings) return;
    const settings = { ...this.#settings, ...HEARD };
    this.#add(announcementOf(frame, settings, new Filters(settings, this.#now)));
  }

  /** @param {Announcement | null} announcement */
  #add(announcement) {
    if (!announcement) return;
    this.#queue.add(announcement);
    this.#read();
  }

  /** @param {string[]} ids @param {string[]} userIds */
  #delete(ids, userIds) {
    this.#queue.delete(ids, userIds);
    if (this.#current && isDeleted(this.#current, ids, userIds)) this.skip();
  }

  /** Read until nothing waits. Neither sounds nor speech throw, so it always comes to its end. */
  async #read() {
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#isOn) {
      const next = this.#queue.next();
      if (!next) break;
      this.#current = next;
      this.#onHear(next);
      await this.#hear(next);
    }
    this.#current = null;
    this.#isReading = false;
    this.#onHear(null);
  }

  /** @param {Announcement} announcement */
  async #hear(announcement) {
    const settings = /** @type {Settings} */ (this.#settings);
    const address = settings.sounds[announcement.event];
    if (address) await this.#sounds.play(address, settings.sound_volume);
    // It may have been skipped during its sound.
    if (this.#current === announcement) await this.#speaker.say(announcement.parts, settings);
  }
}
