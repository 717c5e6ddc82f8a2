// What a labelled upload will be read as, before it is sent; and what became of it.
import { fill, h } from "../lib/dom.js";
import { expandable, findingLine, notice, problem, table } from "../lib/elements.js";
import { bytes, count, plural, sum } from "../lib/format.js";
import { capital, list, titleOf } from "../lib/labels.js";

/** @type {Record<string, string>} */
const SPLITS = { train: "Training", val: "Validation", test: "Test", unassigned: "No split" };
/** @type {Record<string, (tables: string[]) => string>} */
const TOLD_BY = {
  label: () => "the label that you chose",
  table: (tables) => (tables.length === 1 ? `the table ${tables[0]}` : "tables"),
  folder: () => "the names of folders",
  name: () => "the beginnings of file names",
};
/** @type {Record<string, string>} */
const KINDS = {
  unlabelled: "without a label", dropped: "dropped by the label map", filtered: "of poor quality by a table", not_an_image: "not an image",
  unreadable: "unreadable", duplicate: "a copy of another file", conflict: "in the dataset with another label",
};
const SHOWN = 20; // files with their reasons, before the others are asked for

/**
 * Show what will be read, with the buttons that send it or not.
 *
 * @param {HTMLElement} place
 * @param {Api.UploadPreview} preview
 * @param {{ spec: Api.Classifier, parts: UploadPart[], onUpload: () => unknown, onCancel: () => unknown }} about
 */
export function showPreview(place, preview, { spec, parts, onUpload, onCancel }) {
  const heading = h("h3", { tabindex: -1 }, "Preview");
  const isUseful = parts.length > 0;
  fill(place, h("div", { class: "upload-preview", role: "group", "aria-label": "Preview of the upload" },
    heading,
    h("p", { role: "status" }, summary(preview, parts)),
    preview.images.length > 0 && classesBySplit(preview, spec),
    h("ul", { class: "upload-facts" }, facts(preview).map((fact) => h("li", {}, fact))),
    leftOut(preview.rejected),
    h("div", { class: "actions" },
      isUseful && h("button", { type: "button", class: "btn btn-primary", onclick: onUpload }, "Upload"),
      h("button", { type: "button", class: "btn btn-outline-secondary", onclick: onCancel }, isUseful ? "Cancel" : "Close"))));
  heading.focus();
}

/** @param {Api.UploadPreview} preview @param {UploadPart[]} parts */
function summary({ images, archives }, parts) {
  const size = bytes(parts.reduce((total, part) => total + part.bytes, 0));
  const found = [images.length && plural(images.length, "image"), archives.length && plural(archives.length, "zip archive")].filter(Boolean).join(" and ");
  return found ? `${found} can be added: ${size} in ${plural(parts.length, "part")}. Nothing has been sent yet.` : "None of these files can be added.";
}

/** @param {Api.UploadPreview} preview @param {Api.Classifier} spec */
function classesBySplit({ counts, images }, spec) {
  const splits = Object.keys(SPLITS).filter((split) => sum(counts[split]));
  const classes = spec.classes.map(({ name }) => name).filter((name) => splits.some((split) => counts[split][name]));
  const cells = (/** @type {(split: string) => number} */ value) => splits.map((split) => ({ number: count(value(split)) }));
  const ofClass = (/** @type {string} */ name) => splits.reduce((total, split) => total + (counts[split][name] ?? 0), 0);
  return table("Images of the upload by class and split", ["Class", ...splits.map((split) => ({ number: SPLITS[split] })), { number: "All" }], [
    ...classes.map((name) => [titleOf(spec, name), ...cells((split) => counts[split][name] ?? 0), { number: h("b", {}, count(ofClass(name))) }]),
    [h("b", {}, "All"), ...cells((split) => sum(counts[split])), { number: h("b", {}, count(images.length)) }],
  ]);
}

/** @param {Api.UploadPreview} preview */
function facts({ told_by: toldBy, counts, tables, archives, ignored }) {
  const sources = Object.entries(TOLD_BY).filter(([name]) => toldBy[name]).map(([name, tell]) => `${tell(tables)} (${count(toldBy[name])})`);
  const open = sum(counts.unassigned);
  return [
    sources.length > 0 && `The labels come from ${list(sources)}.`,
    (tables.length > 1 || (tables.length > 0 && !toldBy.table)) && `Tables read: ${list(tables)}.`,
    open > 0 && `Training decides the split of ${plural(open, "image")} that no folder names; the images of a patient stay together.`,
    archives.length > 0 && `What ${list(archives)} holds is read after the upload.`,
    ignored.length > 0 && `${plural(ignored.length, "system file")} ignored.`,
  ].filter((fact) => fact !== false);
}

/** The files that are not taken, by kind, with their reasons. @param {Api.RejectedFile[]} rejected */
function leftOut(rejected) {
  if (!rejected.length) return undefined;
  /** @type {Api.Counts} */
  const kinds = {};
  for (const { kind = "unreadable" } of rejected) kinds[kind] = (kinds[kind] ?? 0) + 1;
  const told = Object.entries(kinds).map(([kind, files]) => `${count(files)} ${KINDS[kind] ?? kind}`);
  return h("details", { class: "left-out", open: rejected.length <= SHOWN },
    h("summary", {}, `${plural(rejected.length, "file")} left out: ${list(told)}`),
    expandable(h("ul"), rejected.map(({ file, reason }) => h("li", {}, h("b", {}, file), ` ${reason}`)), SHOWN));
}

/**
 * Say what became of an upload, or of as much of it as was sent.
 *
 * @param {HTMLElement} place
 * @param {Api.UploadResult} result
 * @param {{ foretold: Api.RejectedFile[], sent: number, of: number }} about the files that the preview left out, and the parts
 */
export function showResult(place, { accepted, duplicates, ignored, rejected: refused }, { foretold, sent, of }) {
  const rejected = [...refused, ...foretold];
  const told = [`${plural(accepted, "image")} added`, duplicates && `${plural(duplicates, "duplicate")} skipped`,
    rejected.length && `${plural(rejected.length, "file")} left out`, ignored && `${plural(ignored, "system file")} ignored`].filter(Boolean);
  const isWhole = sent === of;
  fill(place,
    h("div", { role: "status" }, findingLine({ tone: accepted && isWhole ? "good" : "warn", icon: "info-circle", text: `${capital(told.join(", "))}.` })),
    !isWhole && notice(`${count(sent)} of ${plural(of, "part")} arrived, and stay. What is missing can be sent now, or by uploading the folder again: images that are there already are skipped.`),
    refused.length > 0 && problem(`${plural(refused.length, "file")} refused. ${refused[0].file}: ${refused[0].reason}`),
    leftOut(rejected));
}
