/** The contract was at this page's address once: old links to its parts lead on to where it is now. */

import { byId } from "../../shared/dom.js";

const OWN = new Set(["", "#first", "#then", "#index", "#content", "#docs-nav"]);

if (!OWN.has(location.hash)) {
  location.replace(`${byId("index").dataset.reference ?? ""}${location.hash}`);
}
