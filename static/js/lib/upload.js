// A form on its way to the server, with its progress and a way to stop it.
import { upload } from "./api.js";
import { fill, h } from "./dom.js";
import { percent } from "./format.js";

/** Send the form, showing the progress in `place`; resolves to the answer, rejects with an ApiError. */
export async function uploadWithProgress(place, url, form, label) {
  const stop = new AbortController();
  const text = h("span", {}, label);
  const bar = h("progress", { max: 1, value: 0, "aria-label": label });
  fill(place, h("div", { class: "sending" }, text, bar,
    h("button", { type: "button", class: "btn btn-sm btn-outline-secondary", onclick: () => stop.abort() }, "Stop")));
  try {
    return await upload(url, form, (share) => {
      bar.value = share;
      text.textContent = share < 1 ? `${label} ${percent(share, 0)}` : "Reading the files …";
      if (share >= 1) bar.removeAttribute("value");
    }, stop.signal);
  } finally {
    fill(place);
  }
}
