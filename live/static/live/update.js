/**
 * Parts of pages that change by themselves: the server renders them as the pages, and gives them
 * alone to those who ask with the header `X-Fragment`.
 */

import { showLocalTimes } from "../shared/times.js";

/** The page is not for whoever is there by now. */
export class SignedOut extends Error {}

/**
 * Ask for a part of a page, alone.
 *
 * @param {string} address
 * @param {RequestInit} [request]
 * @returns {Promise<HTMLElement>} A body that contains it.
 * @throws {SignedOut}
 */
export async function fetchPart(address, request = {}) {
  const headers = { "X-Fragment": "1" };
  const answer = await fetch(address, { ...request, headers, cache: "no-store" });
  if (answer.redirected || answer.status === 403) {
    throw new SignedOut();
  }
  if (!answer.ok) {
    throw new Error(`HTTP ${answer.status}`);
  }
  // With the tag, space at the beginning is kept, as it is in the page.
  return new DOMParser().parseFromString(`<body>${await answer.text()}`, "text/html").body;
}

/**
 * Bring the part of this page that changes up to date.
 *
 * @param {HTMLElement} part
 * @throws {SignedOut}
 */
export async function refresh(part) {
  const body = await fetchPart(location.href);
  const fresh = /** @type {HTMLElement} */ (part.cloneNode(false));
  fresh.append(...document.adoptNode(body).childNodes);
  showLocalTimes(fresh);
  update(part, fresh);
}

/**
 * Bring several parts of this page up to date, from an address that has them: each by its id.
 *
 * @param {string} address
 * @throws {SignedOut}
 */
export async function refreshParts(address) {
  const body = await fetchPart(address);
  for (const fresh of [...body.children]) {
    const own = document.getElementById(fresh.id);
    showLocalTimes(fresh);
    if (own) update(own, document.adoptNode(fresh));
  }
}

/**
 * Makes what is to be called on news. It looks at once, but not twice within `pause`, and not while
 * nobody sees the page; what fails is tried again, until somebody is signed out.
 *
 * @param {() => Promise<void>} look
 * @param {number} pause In milliseconds.
 * @param {() => boolean} [mayLook] Whether it may look now; news is kept until it may.
 * @returns {{ tell: () => void, catchUp: () => void }} `tell` says that there is news; `catchUp`
 *   looks if there is news that was kept.
 */
export function onNews(look, pause, mayLook = () => true) {
  let stale = false;
  let busy = false;
  let over = false;
  async function catchUp() {
    if (!stale || busy || over || document.hidden || !mayLook()) return;
    stale = false;
    busy = true;
    try {
      await look();
    } catch (error) {
      if (error instanceof SignedOut) over = true;
      else stale = true;
    }
    setTimeout(() => {
      busy = false;
      catchUp();
    }, pause);
  }
  document.addEventListener("visibilitychange", catchUp);
  function tell() {
    stale = true;
    catchUp();
  }
  return { tell, catchUp };
}

/**
 * Brings a part of a page up to date, touching only what differs, so that focus, selection and the
 * place that is scrolled to stay. Children with `data-pk` are told apart by it, others by their
 * place. What has `data-kept` is left alone: others keep it up to date. What the reader has opened
 * stays open.
 *
 * @param {Node} own In the page.
 * @param {Node} fresh What it is to be like; is used up.
 */
function update(own, fresh) {
  if (own.isEqualNode(fresh) || (own instanceof HTMLElement && "kept" in own.dataset)) {
    return;
  }
  if (own.nodeName !== fresh.nodeName) {
    /** @type {ChildNode} */ (own).replaceWith(fresh);
  } else if (own instanceof Element && fresh instanceof Element) {
    updateAttributes(own, fresh);
    updateChildren(own, fresh);
  } else {
    own.nodeValue = fresh.nodeValue;
  }
}

/** @param {Element} own @param {Element} fresh */
function updateAttributes(own, fresh) {
  for (const { name } of [...own.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" && own instanceof HTMLDetailsElement)) {
      own.removeAttribute(name);
    }
  }
  for (const { name, value } of fresh.attributes) {
    own.setAttribute(name, value);
  }
}

/** @param {Element} own @param {Element} fresh */
function updateChildren(own, fresh) {
  const wanted = new Set([...fresh.children].map(keyOf).filter(Boolean));
  const known = new Map();
  for (const child of [...own.children]) {
    const key = keyOf(child);
    if (key && !wanted.has(key)) {
      child.remove();
    } else if (key) {
      known.set(key, child);
    }
  }
  /** @type {ChildNode | null} */
  let place = own.firstChild;
  for (const child of [...fresh.childNodes]) {
    const key = keyOf(child);
    const same = key ? known.get(key) : place && !keyOf(place) ? place : null;
    if (!same) {
      own.insertBefore(child, place);
      continue;
    }
    if (same === place) {
      place = same.nextSibling;
    } else {
      own.insertBefore(same, place);
    }
    update(same, child);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

/** @param {Node} node */
function keyOf(node) {
  return node instanceof HTMLElement ? node.dataset.pk : undefined;
}
