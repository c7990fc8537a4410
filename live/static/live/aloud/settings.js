/** What an account has chosen of reading aloud, as the server tells it. */

/**
 * The fields of the server's model `AloudSettings`, which says what each is.
 *
 * @typedef {object} Settings
 * @property {string} voice
 * @property {number} rate In percent, as the volumes.
 * @property {number} volume
 * @property {number} sound_volume
 * @property {boolean} own_language
 * @property {boolean} reads_comments
 * @property {boolean} reads_gifts
 * @property {boolean} reads_follows
 * @property {boolean} reads_subscriptions
 * @property {boolean} says_names
 * @property {number} gift_diamonds
 * @property {boolean} of_followers
 * @property {boolean} of_subscribers
 * @property {boolean} of_moderators
 * @property {string[]} never_words
 * @property {boolean} reads_addresses
 * @property {number} longest_text
 * @property {number} repeat_seconds
 * @property {number} person_seconds
 * @property {Record<string, string | null>} sounds Addresses by event; null for silence.
 */

/**
 * Ask the server for the settings.
 *
 * @param {string} address
 * @returns {Promise<Settings>}
 * @throws {Error} It does not answer, or this page may not ask any more.
 */
export async function loadSettings(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`no settings: ${answer.status}`);
  return answer.json();
}
