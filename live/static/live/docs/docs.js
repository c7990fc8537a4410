/** What all pages of the documentation have: the search, the navigation, and buttons that copy. */

import { byId } from "../../shared/dom.js";
import { addCopyButtons } from "./copying.js";
import { Search } from "./search.js";
import { followSections } from "./sections.js";

new Search(byId("search"));
followSections(byId("docs-nav"));
addCopyButtons(document);
