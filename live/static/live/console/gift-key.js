/** What makes frames those of one gift, or of one streak of gifts. */

/** Gifts that come alone have no group of their own, for sure. @param {import("../relay-client.js").Frame} frame */
export function keyOf({ id, data }) {
  if (data.streak === null) return `single ${id}`;
  return `${data.user.id} ${data.gift.id} ${data.group_id}`;
}
