/**
 * The token that this page connects with. The server stores no token that it could tell again, so
 * the browser keeps it; tabs share it.
 */

const KEY = "console-token";
export class Tokens {
  #issue;
  #storage;
  /** What the storage held when this page last looked. */
  #stored;
  /** The one to connect with; empty if another is needed. */
  #token;

  /**
   * @param {string} prefix Of this session's token, as the page came with it; empty if it has none.
   * @param {() => Promise<string>} issue
   * @param {Pick<Storage, "getItem" | "setItem">} [storage]
   */
  constructor(prefix, issue, storage = localStorage) {
    this.#issue = issue;
    this.#storage = storage;
    this.#stored = storage.getItem(KEY) ?? "";
    this.#token = prefix && this.#stored.startsWith(prefix) ? this.#stored : "";
  }

  /**
   * The token at hand, what another tab has been issued since, or a new one.
   *
   * @returns {Promise<string>}
   * @throws What `issue` throws.
   */
  async get() {
    const stored = this.#storage.getItem(KEY) ?? "";
    if (stored !== this.#stored) this.#stored = this.#token = stored;
    if (!this.#token) {
      this.#stored = this.#token = await this.#issue();
      this.#storage.setItem(KEY, this.#token);
    }
    return this.#token;
  }

  /** The relay refuses this one: whoever asks next gets another. @param {string} token */
  refused(token) {
    if (this.#token === token) this.#token = "";
  }
}

/**
 * Ask the server for a token.
 *
 * @param {string} address
 * @param {string} csrfToken
 * @returns {Promise<string>}
 * @throws {Error} There is none: the network failed, or the person is no longer signed in.
 */
export async function issueToken(address, csrfToken) {
  const answer = await fetch(address, { method: "POST", headers: { "X-CSRFToken": csrfToken } });
  if (!answer.ok) throw new Error(`no token: ${answer.status}`);
  return (await answer.json()).token;
}
