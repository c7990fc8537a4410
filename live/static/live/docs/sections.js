/** Marks in the navigation where on the page the reader is. */

/** Pixels from the top of the window: the section that has begun above is the one that is read. */
const READING_AT = 120;

/** @param {HTMLElement} navigation */
export function followSections(navigation) {
  const links = [...navigation.querySelectorAll("a[href^='#']")].filter(
    (link) => link instanceof HTMLAnchorElement,
  );
  /** @type {[HTMLElement, HTMLAnchorElement][]} */
  const places = [];
  for (const link of links) {
    const place = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (place) places.push([place, link]);
    // On phones the navigation is a sheet, which covers where the link leads.
    link.addEventListener("click", () => {
      if (navigation.matches(":popover-open")) navigation.hidePopover();
    });
  }
  if (!places.length) return;
  /** @type {HTMLAnchorElement | undefined} */
  let marked;
  let isSoon = false;

  function mark() {
    isSoon = false;
    const link = places[lastAbove(places)]?.[1];
    if (link === marked) return;
    marked?.removeAttribute("aria-current");
    for (const open of navigation.querySelectorAll(".is-open")) open.classList.remove("is-open");
    marked = link;
    if (!link) return;
    link.setAttribute("aria-current", "true");
    for (let item = link.closest("li"); item; item = item.parentElement?.closest("li") ?? null) {
      item.classList.add("is-open");
    }
    show(navigation, link);
  }

  function markSoon() {
    if (isSoon) return;
    isSoon = true;
    requestAnimationFrame(mark);
  }

  addEventListener("scroll", markSoon, { passive: true });
  addEventListener("resize", markSoon, { passive: true });
  navigation.addEventListener("toggle", () => marked && show(navigation, marked));
  mark();
}

/**
 * The index of the last place that has begun above the reading line; -1 if none has. Places are in the
 * page's order, so that only a few need to be measured.
 *
 * @param {readonly [HTMLElement, unknown][]} places
 */
function lastAbove(places) {
  let [from, to] = [0, places.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    const top = places[middle]?.[0].getBoundingClientRect().top ?? 0;
    if (top <= READING_AT) from = middle + 1;
    else to = middle;
  }
  return from - 1;
}

/**
 * Scroll the navigation itself, and nothing around it, until the link is in sight.
 *
 * @param {HTMLElement} navigation
 * @param {HTMLElement} link
 */
function show(navigation, link) {
  const [outer, inner] = [navigation.getBoundingClientRect(), link.getBoundingClientRect()];
  const isInSight = inner.top >= outer.top && inner.bottom <= outer.bottom;
  if (!isInSight) navigation.scrollTop += inner.top - outer.top - outer.height / 3;
}
