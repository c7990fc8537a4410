/** The list of overlays: shows times as the reader's clock has them. */

import { showLocalTimes } from "../../shared/times.js";

showLocalTimes();
