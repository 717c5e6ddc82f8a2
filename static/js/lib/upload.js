// Uploads: cut into the calls that carry them, and on their way with their progress and a way to stop them.
import { upload } from "./api.js";
import { fill, h } from "./dom.js";
import { smallButton } from "./elements.js";
import { percent } from "./format.js";

export const PART_FILES = 200;
const PART_BYTES = 50_000_000; // beside a larger file alone; a call may have 64 MB where MAX_UPLOAD_MB is 1

/** The progress of something that is sent, shown in a place until its end. */
export class Sending {
  #place;
  #stop = new AbortController();
  #text = h("span");
  #bar = h("progress", { max: 1, value: 0, "aria-label": "Upload" });

  /** @param {HTMLElement} place @param {string} label */
  constructor(place, label) {
    this.#place = place;
    fill(place, h("div", { class: "sending" }, this.#text, this.#bar, smallButton("Stop", () => this.#stop.abort())));
    this.show(0, label);
  }

  get signal() {
    return this.#stop.signal;
  }

  /** @param {number} share that has been sent @param {string} label */
  show(share, label) {
    this.#bar.value = share;
    this.#text.textContent = share < 1 ? `${label} ${percent(share, 0)}` : "Processing the files …";
    if (share >= 1) this.#bar.removeAttribute("value");
  }

  end() {
    fill(this.#place);
  }
}

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
  const sending = new Sending(place, label);
  return upload(url, form, (share) => sending.show(share, label), { key, signal: sending.signal }).finally(() => sending.end());
}

/**
 * Cut an upload into parts. Each carries the tables that may rule its images, since a call knows nothing of the others.
 *
 * @param {TakenFile[]} images
 * @param {TakenFile[]} tables
 * @param {TakenFile[]} archives each is a part of its own
 * @returns {UploadPart[]}
 */
export function cutIntoParts(images, tables, archives) {
  /** @type {UploadPart[]} */
  const parts = [];
  for (const image of images) {
    const last = parts.at(-1);
    if (last && last.files.length < PART_FILES && last.bytes + image.file.size <= PART_BYTES) {
      last.files.push(image);
      last.bytes += image.file.size;
    } else parts.push({ files: [image], tables: [], bytes: image.file.size });
  }
  for (const part of parts) part.tables = tables.filter((table) => part.files.some((image) => image.path.startsWith(folderOf(table.path))));
  return [...parts, ...archives.map((archive) => ({ files: [archive], tables: [], bytes: archive.file.size }))];
}

/** The path of the folder that a file is in, with a slash at its end; "" for none. @param {string} path */
export const folderOf = (path) => path.slice(0, path.lastIndexOf("/") + 1);

/**
 * The files that a preview calls images, tables or archives. Several may have one path.
 *
 * @param {TakenFile[]} found
 * @param {string[]} paths
 */
export function filesOf(found, paths) {
  /** @type {Map<string, TakenFile[]>} */
  const byPath = new Map();
  for (const each of found) byPath.set(each.path, [...(byPath.get(each.path) ?? []), each]);
  return paths.flatMap((path) => byPath.get(path)?.shift() ?? []);
}
