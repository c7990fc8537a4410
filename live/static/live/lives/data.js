/** The figures of the page's LIVE, as the server has them for scripts. */

/**
 * @typedef {object} Course Equal parts of the LIVE's time.
 * @property {number} begins_at Milliseconds since the Unix epoch.
 * @property {number} minutes How many a part has.
 * @property {(number | null)[]} viewers Null where TikTok did not tell.
 * @property {number[]} likes
 * @property {number[]} diamonds
 */
/**
 * @typedef {object} Gifter
 * @property {string} user_id
 * @property {string} username
 * @property {string} nickname
 * @property {string} avatar An address; empty for none.
 * @property {number} diamonds
 */
/**
 * @typedef {object} Live
 * @property {string} tiktok_username
 * @property {string} title
 * @property {number} began_at Milliseconds since the Unix epoch.
 * @property {number} seconds
 * @property {boolean} is_heard It goes on.
 * @property {boolean} at_least Some figures may be more.
 * @property {boolean} likes_at_least
 * @property {number} viewers_peak
 * @property {number} likes
 * @property {number} comments
 * @property {number} follows
 * @property {number} diamonds
 * @property {number} gifters
 * @property {Gifter[]} top_gifters
 * @property {{ gift: string, image: string, count: number, nickname: string } | null} biggest_gift
 * @property {{ won: number, lost: number, draw: number, unknown: number }} battles
 * @property {Course} course
 */

/** @type {Promise<Live> | undefined} */
let asked;

/**
 * Ask for the figures; the server is asked once, however often this is called.
 *
 * @param {string} address
 * @returns {Promise<Live>}
 */
export function liveOf(address) {
  asked ??= load(address);
  return asked;
}

/** @param {string} address @returns {Promise<Live>} */
async function load(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return response.json();
}
