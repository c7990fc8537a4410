/**
 * The token that this page connects with. The server stores no token that it could tell again, so
 * the browser keeps it; tabs share it.
 */

const KEY = "console-token";

export class Tokens {
  /** Of the stored token that the server would take. */
  #prefix;
  #issue;
  #storage;

  /**
   * @param {string} prefix Of this session's token, as the page came with it; empty if it has none.
   * @param {() => Promise<string>} issue
   * @param {Storage} [storage]
   */
  constructor(prefix, issue, storage = localStorage) {
    this.#prefix = prefix;
    this.#issue = issue;
    this.#storage = storage;
  }

  /**
   * The stored token, if it is this session's, or a new one.
   *
   * @throws What `issue` throws.
   */
  async get() {
    const stored = this.#storage.getItem(KEY) ?? "";
    if (this.#prefix && stored.startsWith(this.#prefix)) return stored;
    const issued = await this.#issue();
    this.adopt(issued);
    this.#storage.setItem(KEY, issued);
    return issued;
  }

  /** Another tab of the session has been issued this one. @param {string} token */
  adopt(token) {
    this.#prefix = token.slice(0, 8);
  }

  /** The relay refuses this one: whoever asks next gets another. @param {string} token */
  refused(token) {
    if (this.#storage.getItem(KEY) === token) this.#prefix = "";
  }

  /** Whether the session has got another token since. @param {string} token */
  isReplaced(token) {
    return Boolean(this.#prefix) && !token.startsWith(this.#prefix);
  }

  /** Hear of tokens that other tabs are issued. @param {Window} page */
  watch(page) {
    page.addEventListener("storage", ({ key, newValue }) => {
      if (key === KEY && newValue) this.adopt(newValue);
    });
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
