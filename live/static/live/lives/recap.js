/** The recap's picture on the page of a LIVE: drawn, saved as PNG, shared. */

import { byId } from "../../shared/dom.js";
import { duration } from "../../shared/format.js";
import { liveOf } from "./data.js";
import { HEIGHT, recapPicture, WIDTH } from "./recap-picture.js";

/** @typedef {import("./data.js").Live} Live */

const section = byId("recap");
const canvas = byId("recap-picture", HTMLCanvasElement);
const save = byId("recap-save", HTMLButtonElement);
const share = byId("recap-share", HTMLButtonElement);
const said = byId("recap-said");
const { recap = "", pictures = "" } = section.dataset;

/** Draw it; the section appears at once, and its buttons work when the picture is there. */
async function show() {
  section.hidden = false;
  try {
    const live = await liveOf(recap);
    await draw(live);
    const file = await png(live);
    save.addEventListener("click", () => download(file));
    save.disabled = false;
    if (navigator.canShare?.({ files: [file] })) {
      share.addEventListener("click", () => send(file));
      share.hidden = false;
      share.disabled = false;
    }
    section.dataset.state = "ready";
  } catch {
    section.dataset.state = "failed";
    said.textContent = gettext("The picture could not be drawn. Load the page again.");
  }
}

/** @param {Live} live */
async function draw(live) {
  const wanted = new Set(
    [...live.top_gifters.map(({ avatar }) => avatar), live.biggest_gift?.image ?? ""].filter(Boolean),
  );
  const loaded = new Map(
    await Promise.all(
      [...wanted].map(
        async (address) => /** @type {[string, string]} */ ([address, await photograph(address)]),
      ),
    ),
  );
  const drawing = recapPicture(
    live,
    (address) => loaded.get(address) ?? "",
    duration(live.seconds),
  );
  const image = new Image();
  const markup = new XMLSerializer().serializeToString(drawing);
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(markup)}`;
  await image.decode();
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.drawImage(image, 0, 0, WIDTH, HEIGHT);
}

/**
 * TikTok's picture, fetched through the relay, as a data URL; empty if it can't be had.
 *
 * @param {string} address
 * @returns {Promise<string>}
 */
async function photograph(address) {
  try {
    const response = await fetch(`${pictures}?address=${encodeURIComponent(address)}`);
    if (!response.ok) return "";
    const reader = new FileReader();
    const read = new Promise((resolve) => reader.addEventListener("loadend", resolve));
    reader.readAsDataURL(await response.blob());
    await read;
    return typeof reader.result === "string" ? reader.result : "";
  } catch {
    return "";
  }
}

/** @param {Live} live @returns {Promise<File>} */
async function png(live) {
  const blob = await new Promise((/** @type {BlobCallback} */ resolve) => canvas.toBlob(resolve));
  if (!blob) throw new Error("no picture");
  const day = new Date(live.began_at).toISOString().slice(0, 10);
  return new File([blob], `${live.tiktok_username}-${day}.png`, { type: "image/png" });
}

/** @param {File} file */
function download(file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = file.name;
  link.click();
  // Not at once: the browser may not have begun to read.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** @param {File} file */
async function send(file) {
  try {
    await navigator.share({ files: [file] });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return; // people change their minds
    said.textContent = gettext("The picture could not be shared. Save it instead.");
  }
}

show();
