// Taking files: dropped anywhere on the page, with their folders, pasted or chosen.
import { find } from "./dom.js";

/**
 * Call `onFiles` with whatever arrives.
 *
 * @param {(files: TakenFile[]) => unknown} onFiles each file with its path, folders included
 */
export function takeFiles(onFiles) {
  /** @param {TakenFile[]} found */
  const take = (found) => found.length > 0 && onFiles(found);
  for (const id of ["files", "folder"]) {
    const input = document.getElementById(id);
    if (input instanceof HTMLInputElement) input.addEventListener("change", () => take(chosen(input)));
  }
  takeDropped(take);
  document.addEventListener("paste", (event) => take([...(event.clipboardData?.files ?? [])].map(taken)));
}

/** @param {File} file @returns {TakenFile} */
const taken = (file) => ({ file, path: file.webkitRelativePath || file.name });

/** @param {HTMLInputElement} input */
function chosen(input) {
  const found = [...(input.files ?? [])].map(taken);
  input.value = ""; // so that the same file can be chosen again
  return found;
}

/**
 * The whole page takes what is dropped: beside the marked place, the browser would leave the page and open the file.
 *
 * @param {(files: TakenFile[]) => unknown} take
 */
function takeDropped(take) {
  const zone = find("dropzone");
  let isOwn = false; // a picture of the page itself, which browsers offer as a file too
  document.addEventListener("dragstart", () => (isOwn = true));
  document.addEventListener("dragend", () => (isOwn = false));
  const bringsFiles = (/** @type {DragEvent} */ event) => !isOwn && event.dataTransfer?.types.includes("Files");
  for (const type of /** @type {const} */ (["dragenter", "dragover"])) {
    document.addEventListener(type, (event) => {
      if (!bringsFiles(event)) return;
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => event.relatedTarget || zone.classList.remove("over"));
  document.addEventListener("drop", async (event) => {
    if (!event.dataTransfer || !bringsFiles(event)) return;
    event.preventDefault();
    zone.classList.remove("over");
    take(await dropped(event.dataTransfer));
  });
}

/** @param {DataTransfer} transfer */
async function dropped(transfer) {
  // The list is empty once the event is over: read it before the first wait.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (!entries.length) return [...transfer.files].map(taken);
  return (await Promise.all(entries.map((entry) => walk(entry, "")))).flat();
}

/**
 * @param {FileSystemEntry} entry
 * @param {string} folder the path of the folder that it is in, with a slash at its end
 * @returns {Promise<TakenFile[]>}
 */
export async function walk(entry, folder) {
  const path = folder + entry.name;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
    return [{ file, path }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} A reader gives its entries in parts, and nothing when it has given them all. */
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!part.length) return found;
    for (const child of part) found.push(...(await walk(child, `${path}/`)));
  }
}

const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Sort files by path as people do: folder by folder, patient2 before patient10. @param {TakenFile[]} files */
export const inNaturalOrder = (files) => {
  const split = new Map(files.map((each) => [each, each.path.split("/")]));
  return files.toSorted((one, two) => comparePaths(split.get(one) ?? [], split.get(two) ?? []));
};

/** @param {string[]} one @param {string[]} two */
function comparePaths(one, two) {
  const at = one.findIndex((part, place) => natural.compare(part, two[place] ?? ""));
  return at < 0 ? one.length - two.length : natural.compare(one[at], two[at] ?? "");
}
