// Sending labelled images into a dataset.
import { fill, find, h, icon, problem, showProblem } from "../lib/dom.js";
import { takeFiles } from "../lib/files.js";
import { count, plural } from "../lib/format.js";
import { uploadWithProgress } from "../lib/upload.js";

const PER_CALL = 200; // files in one upload
let spec;

/** Take images for this classifier from now on. */
export function setUploadClassifier(chosen) {
  spec = chosen;
  fill(find("label"), h("option", { value: "" }, "As folders or file names say"),
    spec.classes.map(({ name, title }) => h("option", { value: name }, title)));
  fill(find("upload"));
}

/** Let people add images; `onAdded(spec)` is told when some were sent. */
export function acceptUploads(onAdded) {
  takeFiles((found) => add(found, onAdded));
}

/** Send the files, those of a folder named like a class with its label, and say what became of them. */
async function add(found, onAdded) {
  const total = { accepted: 0, duplicates: 0, rejected: [] };
  const chosen = spec;
  fill(find("problems"));
  try {
    for (const [label, files] of groups(found)) {
      for (let from = 0; from < files.length; from += PER_CALL) {
        merge(total, await sendPart(chosen, label, files.slice(from, from + PER_CALL)));
      }
    }
    report(total);
  } catch (error) {
    if (total.accepted) report(total);
    showProblem(find("problems"), error);
    find("problems").scrollIntoView({ block: "center" });
  }
  onAdded(chosen);
}

function sendPart(chosen, label, files) {
  const form = new FormData();
  form.append("classifier", chosen.name);
  if (label) form.append("label", label);
  for (const file of files) form.append("files", file, file.name);
  return uploadWithProgress(find("upload"), "/api/upload", form, `Sending ${plural(files.length, "file")}`);
}

function groups(found) {
  const label = find("label").value;
  const known = new Map(spec.classes.map(({ name }) => [normalise(name), name]));
  const parts = new Map();
  for (const { file, folder } of found) {
    const key = label || known.get(normalise(folder)) || "";
    parts.set(key, [...(parts.get(key) ?? []), file]);
  }
  return parts;
}

const normalise = (name) => name.trim().toLowerCase().replaceAll(/[\s._-]+/g, "_");

function merge(total, part) {
  total.accepted += part.accepted;
  total.duplicates += part.duplicates;
  total.rejected.push(...part.rejected);
}

function report({ accepted, duplicates, rejected }) {
  const known = duplicates ? `, ${count(duplicates)} known already` : "";
  fill(find("upload"),
    h("p", { class: `finding tone-${accepted ? "good" : "warn"}`, role: "status" }, icon("info-circle"), `${plural(accepted, "image")} added${known}.`),
    rejected.length > 0 && problem(`${plural(rejected.length, "file")} could not be used. ${rejected[0].file}: ${rejected[0].reason}`),
    rejected.length > 1 && h("details", {}, h("summary", {}, "All of them"), h("ul", {}, rejected.map(({ file, reason }) => h("li", {}, `${file}: ${reason}`)))));
}
