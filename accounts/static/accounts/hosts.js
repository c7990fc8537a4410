/**
 * The page of a new token: the choice of the address by which the phone reaches this server. It
 * changes what is shown of that address (`data-host`: the QR code, a warning) and each text with
 * `data-has-host`. Without this script the codes of all addresses are shown.
 */

const radios = [...document.querySelectorAll("input[name=host]")].filter(
  (radio) => radio instanceof HTMLInputElement,
);
const ofHosts = [...document.querySelectorAll("[data-host]")].filter(
  (place) => place instanceof HTMLElement,
);
let shown = radios[0]?.value ?? "";

/** @param {string} host */
function show(host) {
  for (const place of ofHosts) {
    place.hidden = place.dataset.host !== host;
  }
  for (const place of document.querySelectorAll("[data-has-host]")) {
    if (place instanceof HTMLInputElement) {
      place.value = place.value.replaceAll(`//${shown}`, `//${host}`);
    } else {
      place.textContent = (place.textContent ?? "").replaceAll(`//${shown}`, `//${host}`);
    }
  }
  shown = host;
}

if (radios.length) {
  const choice = radios[0]?.closest("fieldset");
  if (choice) choice.hidden = false;
  for (const radio of radios) {
    radio.addEventListener("change", () => show(radio.value));
  }
  show(shown);
}
