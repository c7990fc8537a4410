/** What helps against an error, as far as this page can offer it. */

import { POLICIES } from "../relay-client.js";

/** @typedef {"account" | "api-key" | "reload" | "retry"} Remedy */

/** @type {Readonly<Record<string, Remedy>>} */
const REMEDIES = {
  username_missing: "account",
  username_invalid: "account",
  user_not_found: "account",
  rate_limited: "api-key",
  sign_forbidden: "api-key",
  invalid_token: "reload",
  token_revoked: "reload",
  account_disabled: "reload",
};
/** TikTok lets go later of those who insist. */
const PATIENT = new Set(["tiktok_blocked"]);

/**
 * @param {string | undefined} code
 * @param {number} [retryAfter] Seconds before which another attempt fails for certain.
 * @returns {Remedy | null}
 */
export function remedyOf(code = "", retryAfter = 0) {
  if (Object.hasOwn(REMEDIES, code)) return REMEDIES[code];
  return canRetryNow(code, retryAfter) ? "retry" : null;
}

/** Whether the client tries again by itself after it. @param {string} [code] */
export function passes(code = "") {
  return Object.hasOwn(POLICIES, code) && POLICIES[code].retry === true;
}

/**
 * Whether an attempt at once may work, of an error after which the client tries again by itself.
 *
 * @param {string} code Empty where there was no error: the network was cut.
 * @param {number} [retryAfter]
 */
export function canRetryNow(code, retryAfter = 0) {
  if (!code) return true;
  return passes(code) && !retryAfter && code !== "rate_limited" && !PATIENT.has(code);
}
