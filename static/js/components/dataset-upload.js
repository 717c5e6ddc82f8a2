// Sending labelled images into a dataset.
import { fill, find, findSelect, h } from "../lib/dom.js";
import { findingLine, problem, showProblem } from "../lib/elements.js";
import { takeFiles } from "../lib/files.js";
import { count, plural } from "../lib/format.js";
import { uploadWithProgress } from "../lib/upload.js";

const PER_CALL = 200; // files in one upload
/** @type {Api.Classifier} */
let spec;

/** Upload into the dataset of this classifier from now on. @param {Api.Classifier} chosen */
export function setUploadClassifier(chosen) {
  spec = chosen;
  fill(findSelect("label"), h("option", { value: "" }, "From folder or file name"),
    spec.classes.map(({ name, title }) => h("option", { value: name }, title)));
  fill(find("upload"));
}

/** Let people add images; `onAdded` is told when some were sent. @param {(spec: Api.Classifier) => unknown} onAdded */
export const acceptUploads = (onAdded) => takeFiles((found) => add(found, onAdded));

/**
 * Send the files, those of a folder named like a class with its label, and say what became of them.
 *
 * @param {TakenFile[]} found
 * @param {(spec: Api.Classifier) => unknown} onAdded
 */
async function add(found, onAdded) {
  /** @type {Api.UploadResult} */
  const total = { accepted: 0, duplicates: 0, rejected: [] };
  const chosen = spec;
  fill(find("problems"));
  try {
    for (const [label, files] of groupByLabel(found, findSelect("label").value, chosen)) {
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

/** @param {Api.Classifier} chosen @param {string} label @param {File[]} files @returns {Promise<Api.UploadResult>} */
function sendPart(chosen, label, files) {
  const form = new FormData();
  form.append("classifier", chosen.name);
  if (label) form.append("label", label);
  for (const file of files) form.append("files", file, file.name);
  return uploadWithProgress(find("upload"), "/api/upload", form, { label: `Uploading ${plural(files.length, "file")}` });
}

/**
 * The files by label: the one chosen, else the class that their folder is named like, else "" for the server to find out.
 *
 * @param {TakenFile[]} found
 * @param {string} label
 * @param {Pick<Api.Classifier, "classes">} spec
 */
export function groupByLabel(found, label, { classes }) {
  const known = new Map(classes.map(({ name }) => [normalise(name), name]));
  /** @type {Map<string, File[]>} */
  const parts = new Map();
  for (const { file, folder } of found) {
    const key = label || known.get(normalise(folder)) || "";
    parts.set(key, [...(parts.get(key) ?? []), file]);
  }
  return parts;
}

/** @param {string} name */
const normalise = (name) => name.trim().toLowerCase().replaceAll(/[\s._-]+/g, "_");

/** @param {Api.UploadResult} total @param {Api.UploadResult} part */
function merge(total, part) {
  total.accepted += part.accepted;
  total.duplicates += part.duplicates;
  total.rejected.push(...part.rejected);
}

/** @param {Api.UploadResult} result */
function report({ accepted, duplicates, rejected }) {
  const known = duplicates ? `, ${plural(duplicates, "duplicate")} skipped` : "";
  fill(find("upload"),
    h("div", { role: "status" }, findingLine({ tone: accepted ? "good" : "warn", icon: "info-circle", text: `${plural(accepted, "image")} added${known}.` })),
    rejected.length > 0 && problem(`${plural(rejected.length, "file")} rejected. ${rejected[0].file}: ${rejected[0].reason}`),
    rejected.length > 1 && h("details", {}, h("summary", {}, `Show all ${count(rejected.length)}`), h("ul", {}, rejected.map(({ file, reason }) => h("li", {}, `${file}: ${reason}`)))));
}
