/**
 * Which alert comes next, and how long it stays: never two at once, a streak counts up in its own
 * alert, and what comes too late is left out. A test comes before all that waits, and soon.
 */

/** @typedef {import("../relay-client.js").Frame} Frame */

/**
 * @typedef {object} Alert
 * @property {string} key Of the streak, or of the event.
 * @property {string} type Of the frame.
 * @property {Record<string, any>} data Of the newest frame.
 * @property {number} at When it happened, in ms of the server's clock.
 * @property {boolean} isTest
 */

/**
 * @typedef {object} QueueOptions
 * @property {string[]} events
 * @property {number} threshold
 * @property {number} duration Seconds.
 * @property {number} big Diamonds.
 * @property {number} big_duration Seconds.
 * @property {number} late Seconds.
 */

/** So many wait at most. */
const MOST_WAITING = 50;
/** From so many on, those that wait get less time. */
const CROWDED = 5;
const SHORTEST = 2;
/** Seconds that an alert stays at least after its streak has counted up. */
const AFTER_COUNTING = 2.5;
/** So many streaks are remembered that have been shown. */
const MOST_SHOWN = 300;

export class AlertQueue {
  /** @type {QueueOptions} */
  options;
  /** @type {Alert | null} */
  current = null;
  /** When the current one has begun, and when it ends, by `now`. */
  #beganAt = 0;
  endsAt = 0;
  /** @type {Alert[]} */
  #waiting = [];
  /** What streaks had come to when they were shown. @type {Map<string, number>} */
  #shown = new Map();
  #now;

  /**
   * @param {QueueOptions} options
   * @param {() => number} now Milliseconds of the server's clock.
   */
  constructor(options, now) {
    this.options = options;
    this.#now = now;
  }

  get length() {
    return this.#waiting.length;
  }

  /**
   * Take an event.
   *
   * @param {Frame & { isTest?: boolean }} frame
   * @returns {boolean} Whether the current alert is another, or has changed.
   */
  add(frame) {
    const { events, threshold, late } = this.options;
    const isTest = Boolean(frame.isTest);
    if (!isTest && !events.includes(frame.type)) return false;
    const { type, data, ts: at } = frame;
    const key = type === "gift" ? keyOf(frame) : `${type} ${frame.id ?? frame.cursor ?? at}`;
    const known = this.#find(key);
    if (known) return this.#countUp(known, data);
    if (!isTest && type === "gift" && data.diamonds_total < threshold) return false;
    if (!isTest && this.#now() - at > late * 1000) return false;
    if (type === "gift" && (this.#shown.get(key) ?? 0) >= data.count) return false;
    const alert = { key, type, data, at, isTest };
    if (isTest) this.#addTest(alert);
    else this.#waiting.push(alert);
    if (this.#waiting.length > MOST_WAITING) this.#dropTheLeast();
    return false;
  }

  /** End the current alert if its time is over, and begin the next. @returns {boolean} Whether another is current now. */
  next() {
    const now = this.#now();
    if (this.current && now < this.endsAt) return false;
    const before = this.current;
    this.current = null;
    if (before) this.#remember(before);
    let alert = this.#waiting.shift();
    while (alert && !alert.isTest && now - alert.at > this.options.late * 1000) {
      alert = this.#waiting.shift();
    }
    if (alert) {
      this.current = alert;
      this.#beganAt = now;
      this.endsAt = now + this.#secondsOf(alert) * 1000;
    }
    return this.current !== before;
  }

  /** Whether a test is shown, or waits. */
  get isTesting() {
    return Boolean(this.current?.isTest) || this.#waiting.some(({ isTest }) => isTest);
  }

  /** Whether it is a gift that gets more room and time. @param {Alert} alert */
  isBig({ type, data }) {
    return type === "gift" && data.diamonds_total >= this.options.big;
  }

  /**
   * After the tests that wait already, and before all else. Who tests looks at it now: what is shown
   * gives way once it could be read.
   *
   * @param {Alert} test
   */
  #addTest(test) {
    const tests = this.#waiting.filter(({ isTest }) => isTest).length;
    this.#waiting.splice(tests, 0, test);
    if (this.current?.isTest) return;
    this.endsAt = Math.min(this.endsAt, this.#beganAt + SHORTEST * 1000);
  }

  /** @param {string} key */
  #find(key) {
    if (this.current?.key === key) return this.current;
    return this.#waiting.find((alert) => alert.key === key);
  }

  /**
   * @param {Alert} alert
   * @param {Record<string, any>} data
   */
  #countUp(alert, data) {
    if (alert.type !== "gift" || data.count < alert.data.count) return false;
    const grew = data.count > alert.data.count;
    alert.data = data;
    // It is as old as its streak's newest gift.
    if (grew) alert.at = Math.max(alert.at, this.#now() - 1);
    if (alert !== this.current) return false;
    if (grew && (alert.isTest || !this.isTesting)) {
      this.endsAt = Math.max(this.endsAt, this.#now() + AFTER_COUNTING * 1000);
    }
    return true;
  }

  /** @param {Alert} alert */
  #secondsOf(alert) {
    const { duration, big_duration: bigDuration } = this.options;
    if (this.isBig(alert)) return Math.max(bigDuration, duration);
    return this.#waiting.length < CROWDED ? duration : Math.max(SHORTEST, duration / 2);
  }

  /** @param {Alert} alert */
  #remember({ key, type, data }) {
    if (type !== "gift") return;
    this.#shown.delete(key);
    this.#shown.set(key, data.count);
    const [oldest] = this.#shown.keys();
    if (this.#shown.size > MOST_SHOWN) this.#shown.delete(oldest);
  }

  /** Of many that wait, shares and follows go first, then the smallest gift. */
  #dropTheLeast() {
    let least = 0;
    this.#waiting.forEach((alert, index) => {
      if (worth(alert) < worth(this.#waiting[least])) least = index;
    });
    this.#waiting.splice(least, 1);
  }
}

/** @param {Alert} alert */
function worth({ type, data, isTest }) {
  if (isTest) return Infinity;
  if (type === "subscribe") return 1000;
  return type === "gift" ? data.diamonds_total : 0;
}

/** Gifts that come alone have no group of their own, for sure. @param {Frame} frame */
function keyOf({ id, data }) {
  if (data.streak === null) return `gift ${id}`;
  return `streak ${data.user.id} ${data.gift.id} ${data.group_id}`;
}
