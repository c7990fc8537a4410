/** Loaded by every page: its times are those of the reader's device, and "3 min ago" goes on. */

import { showLocalTimes } from "./times.js";

const AGAIN_AFTER = 15_000; // ms

showLocalTimes();
setInterval(() => {
  if (!document.hidden) showLocalTimes();
}, AGAIN_AFTER);
