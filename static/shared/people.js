/** What stands for a person without a picture: letters on a colour. */

/**
 * The first letters of the first words of a name, as `initials` of live/templatetags/lives.py.
 *
 * @param {string} name
 * @param {number} [most]
 */
export function initials(name, most = 2) {
  const firsts = name.match(/(?<![\p{L}\p{N}])[\p{L}\p{N}]/gu) ?? [];
  return firsts.slice(0, most).join("").toLocaleUpperCase();
}

/**
 * Which of so many colours a person has: always the same, and on each page the same as `tone` of
 * live/templatetags/lives.py gives for as many.
 *
 * @param {string} id
 * @param {number} tones
 */
export function toneOf(id, tones) {
  let sum = 0;
  for (const character of id) sum += character.codePointAt(0) ?? 0;
  return sum % tones;
}
