/**
 * On phones the navigation is one line, wider than the screen: it is scrolled to the link of the
 * page that is shown. Where all of it has room, nothing happens.
 */

const here = document.querySelector(".site-header nav [aria-current]");
if (here instanceof HTMLElement && here.parentElement) {
  const line = here.parentElement;
  const left = here.getBoundingClientRect().left - line.getBoundingClientRect().left;
  line.scrollLeft += left - (line.clientWidth - here.offsetWidth) / 2;
}
