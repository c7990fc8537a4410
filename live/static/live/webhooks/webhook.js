/**
 * The page of one webhook: asks again for its state and its last deliveries while something waits
 * to be sent. Without this the page is as good, and is reloaded by hand.
 */

import { byId } from "../../shared/dom.js";
import { refresh, SignedOut } from "../update.js";

const BETWEEN_LOOKS = 1500; // ms

const state = byId("state");

function isWaiting() {
  return state.querySelector("[data-waiting='0']") === null;
}

async function look() {
  try {
    if (!document.hidden && isWaiting()) await refresh(state);
  } catch (error) {
    if (error instanceof SignedOut) return;
  }
  setTimeout(look, BETWEEN_LOOKS);
}

// Older deliveries stay as they are.
if ("follows" in state.dataset) setTimeout(look, BETWEEN_LOOKS);
