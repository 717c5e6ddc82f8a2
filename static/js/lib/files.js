// Taking files: dropped, with their folders, pasted or chosen.
import { find } from "./dom.js";

/** Call `onFiles([{file, folder}])` with whatever arrives; `folder` is the name of the one it lay in, "" for none. */
export function takeFiles(onFiles) {
  const zone = find("dropzone");
  for (const id of ["files", "folder"]) {
    const input = find(id);
    input?.addEventListener("change", () => {
      const found = [...input.files].map((file) => ({ file, folder: parent(file.webkitRelativePath) }));
      input.value = "";
      if (found.length) onFiles(found);
    });
  }
  for (const type of ["dragenter", "dragover"]) {
    zone.addEventListener(type, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  zone.addEventListener("dragleave", (event) => zone.contains(event.relatedTarget) || zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const found = await dropped(event.dataTransfer);
    if (found.length) onFiles(found);
  });
  document.addEventListener("paste", (event) => {
    const found = [...(event.clipboardData?.files ?? [])].map((file) => ({ file, folder: "" }));
    if (found.length) onFiles(found);
  });
}

async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const found = await Promise.all(entries.map((entry) => walk(entry, "")));
  return found.flat();
}

async function walk(entry, folder) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return file.name.startsWith(".") ? [] : [{ file, folder }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A reader gives its entries in parts, and nothing when it has given them all.
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!part.length) return found;
    for (const child of part) found.push(...(await walk(child, entry.name)));
  }
}

const parent = (path) => path.split("/").at(-2) ?? "";
