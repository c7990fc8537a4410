/** The search of the connection log: its days and times are those of this device's clock. */

const { timeZone } = Intl.DateTimeFormat().resolvedOptions();

/** @param {HTMLAnchorElement} link Whose address asks for "today". */
function inThisZone(link) {
  const address = new URL(link.href);
  address.searchParams.set("tz", timeZone);
  link.href = address.href;
}

/**
 * Let a field that has a time in UTC have it as this device's clock does, and say whose time it is.
 *
 * @param {HTMLInputElement} input
 */
function showHere(input) {
  const { moment } = input.dataset;
  if (moment) {
    const date = new Date(moment);
    // The field's value is a time without a zone: that of UTC, moved by what the zones differ.
    const moved = new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString();
    input.value = moved.slice(0, date.getUTCSeconds() ? 19 : 16);
  }
  for (const label of input.labels ?? []) {
    label.textContent = (label.textContent ?? "").replace("UTC", timeZone);
  }
}

/** Send the moment, which is the same in every zone. @param {FormData} data @param {string} name */
function sendMoment(data, name) {
  const date = new Date(String(data.get(name)));
  if (!Number.isNaN(date.getTime())) data.set(name, date.toISOString());
}

const field = document.querySelector("#id_tz");
if (field instanceof HTMLInputElement) field.value = timeZone;
for (const link of document.querySelectorAll("a.chip")) {
  if (link instanceof HTMLAnchorElement) inThisZone(link);
}
for (const input of document.querySelectorAll("input[type=datetime-local]")) {
  if (!(input instanceof HTMLInputElement)) continue;
  showHere(input);
  input.form?.addEventListener("formdata", ({ formData }) => sendMoment(formData, input.name));
}
