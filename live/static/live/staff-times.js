/** Shows the times of a page of the staff as the reader's clock has them. */

import { showLocalTimes } from "../shared/times.js";

showLocalTimes();
