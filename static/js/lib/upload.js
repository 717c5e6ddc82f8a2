// A form on its way to the server, with its progress and a way to stop it.
import { upload } from "./api.js";
import { fill, h } from "./dom.js";
import { smallButton } from "./elements.js";
import { percent } from "./format.js";

/**
 * Send the form and show the progress in `place`.
 *
 * @param {HTMLElement} place
 * @param {string} url
 * @param {FormData} form
 * @param {{ label: string, key?: string }} options with `key`, a call that is repeated is done once
 * @returns {Promise<any>} the answer; rejects with an ApiError
 */
export async function uploadWithProgress(place, url, form, { label, key }) {
  const stop = new AbortController();
  const text = h("span", {}, label);
  const bar = h("progress", { max: 1, value: 0, "aria-label": label });
  fill(place, h("div", { class: "sending" }, text, bar, smallButton("Stop", () => stop.abort())));
  const show = (/** @type {number} */ share) => {
    bar.value = share;
    text.textContent = share < 1 ? `${label} ${percent(share, 0)}` : "Processing the files …";
    if (share >= 1) bar.removeAttribute("value");
  };
  return upload(url, form, show, { key, signal: stop.signal }).finally(() => fill(place));
}
