/** Keeps the screen on, as far as the browser lets a page do that. */

/** Whether this browser can. @param {Navigator} [browser] */
export function canKeepScreenOn(browser = navigator) {
  return "wakeLock" in browser;
}

export class ScreenLock {
  #browser;
  #document;
  #isWanted = false;
  /** @type {WakeLockSentinel | null} */
  #lock = null;

  /** @param {Navigator} [browser] @param {Document} [page] */
  constructor(browser = navigator, page = document) {
    this.#browser = browser;
    this.#document = page;
    // The browser takes the lock away when the page is not to be seen, and never gives it back.
    page.addEventListener("visibilitychange", () => this.#ask());
  }

  /** @param {boolean} isWanted */
  async want(isWanted) {
    this.#isWanted = isWanted;
    if (isWanted) {
      await this.#ask();
    } else {
      await this.#lock?.release();
      this.#lock = null;
    }
  }

  async #ask() {
    if (!this.#isWanted || this.#document.hidden || !canKeepScreenOn(this.#browser)) return;
    if (this.#lock && !this.#lock.released) return;
    try {
      const lock = await this.#browser.wakeLock.request("screen");
      // The wish may have passed meanwhile.
      if (this.#isWanted) this.#lock = lock;
      else await lock.release();
    } catch {
      // A battery that is low, for one. The next time the page is seen, it asks again.
    }
  }
}
