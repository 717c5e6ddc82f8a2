// New classifier: name it, add images, check what was understood, train.
import { counts, suffices } from "../components/dataset-summary.js";
import { send } from "../components/dataset-upload.js";
import { showJob } from "../components/job.js";
import { showPreview } from "../components/upload-preview.js";
import { address } from "../lib/address.js";
import { get, newKey, post } from "../lib/api.js";
import { fill, find, findInput, h, icon } from "../lib/dom.js";
import { attempt, findingLine, notice, problem } from "../lib/elements.js";
import { inNaturalOrder, takeFiles } from "../lib/files.js";
import { plural } from "../lib/format.js";
import { headline, tested } from "../lib/metrics.js";
import { cutIntoParts, filesOf } from "../lib/upload.js";

const NAME_LENGTH = 40;
/** What was added; `title` is the class that was written for an image without a folder. @type {(TakenFile & { title?: string })[]} */
let added = [];
/** The same files, those of a written class in a folder of its name. @type {TakenFile[]} */
let files = [];
/** The classifier, once it exists. @type {Api.Classifier | undefined} */
let made;
const key = newKey(); // a training that is asked for twice is one

/** The name that programs use: a to z, 0 to 9 and _, a letter first. @param {string} title */
export function nameOf(title) {
  const letters = title.normalize("NFKD").toLowerCase().replaceAll(/[^a-z0-9\s_.-]/g, "").replaceAll(/[\s_.-]+/g, "_").replaceAll(/^_|_$/g, "");
  return (/^[a-z]/.test(letters) ? letters : letters && `classifier_${letters}`).slice(0, NAME_LENGTH);
}

/** @param {string} step */
function reveal(step) {
  find(step).hidden = false;
  find(step).scrollIntoView({ block: "nearest", behavior: "smooth" });
}

/** @param {Event} event */
async function continueToImages(event) {
  event.preventDefault();
  fill(find("problems"));
  const name = nameOf(findInput("title").value);
  if (!name) return void fill(find("problems"), problem("Use at least one letter of a to z or a digit in the title."));
  /** @type {Api.Classifier[] | undefined} */
  const known = await attempt(find("problems"), () => get("/api/classifiers"));
  if (!known) return;
  if (known.some((spec) => spec.name === name)) {
    fill(find("problems"), problem(`There is a classifier ${name} already. Choose another title.`));
    return findInput("title").focus();
  }
  reveal("step-images");
  find("images-title").focus();
}

/** Add files to those that are there; ones without a folder belong to the class that is written. @param {TakenFile[]} found */
function add(found) {
  if (made || find("step-images").hidden) return undefined;
  const title = findInput("class").value.trim();
  added.push(...found.map((each) => (title && !each.path.includes("/") ? { ...each, title } : each)));
  files = inNaturalOrder(inFolders(added));
  const classes = new Set(added.map((each) => each.title));
  if (classes.size > 1 || !classes.has(title)) return propose();
  reveal("step-check");
  return fill(find("upload"), notice(`${plural(files.length, "image")} of ${title} so far. Write the name of another class and add images of it.`));
}

/** Put images of a written class beside the folders of the others. @param {(TakenFile & { title?: string })[]} all @returns {TakenFile[]} */
function inFolders(all) {
  const paths = all.filter(({ title }) => !title).map(({ path }) => path.split("/"));
  const isCommon = paths.length > 0 && paths.every((parts) => parts.length > 2 && parts[0] === paths[0][0]);
  const root = isCommon ? `${paths[0][0]}/` : "";
  return all.map(({ file, path, title }) => ({ file, path: title ? `${root}${title}/${path}` : path }));
}

/** Ask the server what it reads the names as, and show its answer. @returns {Promise<void>} */
async function propose() {
  fill(find("problems"));
  reveal("step-check");
  fill(find("upload"), h("p", { class: "quiet", role: "status" }, "Reading the names …"));
  /** @type {Api.Proposal | undefined} */
  const found = await attempt(find("problems"), () => post("/api/classifiers/preview", { files: files.map(({ path }) => path) }), { retry: propose });
  if (!found) {
    dismiss();
    return find("problems").scrollIntoView({ block: "center" });
  }
  const parts = cutIntoParts(filesOf(files, found.images.map(({ file }) => file)), [], []);
  showPreview(find("upload"), found, { spec: found, parts, action: "Create and upload", onCancel: dismiss, onUpload: () => create(found, parts) });
}

function dismiss() {
  [added, files] = [[], []];
  fill(find("upload"));
  find("step-check").hidden = true;
  find("images-title").focus();
}

/** Make the classifier, then send its images. @param {Api.Proposal} found @param {UploadPart[]} parts */
async function create({ classes, data, ignored, rejected }, parts) {
  const title = findInput("title").value.trim();
  made = await attempt(find("problems"), () => post("/api/classifiers", { name: nameOf(title), title, classes, data }), {});
  if (!made) return find("problems").scrollIntoView({ block: "center" });
  for (const step of ["step-name", "step-images"]) find(step).hidden = true;
  const result = { accepted: 0, duplicates: 0, ignored: ignored.length, rejected: [] };
  await send({ spec: made, label: "", parts, sent: 0, result, foretold: rejected }, showTraining);
}

/** Offer the training of a classifier whose images have arrived. @param {Api.Classifier} spec */
async function showTraining(spec) {
  reveal("step-train");
  /** @type {Api.DatasetSummary | undefined} */
  const summary = await attempt(find("dataset"), () => get(`/api/datasets/${spec.name}`));
  if (!summary) return;
  fill(find("dataset"), counts(summary, spec));
  fill(find("train-actions"), suffices(summary)
    ? h("button", { type: "button", class: "btn btn-primary", onclick: () => train(spec) }, icon("play-fill"), " Start training")
    : h("a", { class: "btn btn-primary", href: address("/data", { classifier: spec.name }) }, icon("folder2-open"), " Add images"));
  find("train-title").focus();
}

/** @param {Api.Classifier} spec */
async function train(spec) {
  /** @type {Api.Accepted | undefined} */
  const accepted = await attempt(find("problems"), () => post("/api/retrain", { classifier: spec.name }, { key }));
  if (!accepted) return;
  fill(find("train-actions"));
  showJob(find("job"), accepted.job_id, (job) => job.status === "succeeded" && job.result && showServed(spec, job.result));
}

/** @param {Api.Classifier} spec @param {Api.TrainingResult} result */
function showServed(spec, { promoted, metrics }) {
  const link = (/** @type {string} */ page, /** @type {string} */ text, /** @type {string} */ kind) =>
    h("a", { class: `btn ${kind}`, href: address(`/${page}`, { classifier: spec.name }) }, text);
  fill(find("served"), promoted
    ? findingLine({ tone: "good", icon: "check-circle", text: `${spec.title} is trained and answers now.` })
    : findingLine({ tone: "warn", icon: "info-circle", text: "The version is saved and waits for your decision." }),
  headline(metrics, "accuracy"), tested(metrics.n),
  h("div", { class: "actions" }, promoted ? link("predict", "Predict an image", "btn-primary") : link("models", "Decide", "btn-primary"),
    link("classifier", "Settings", "btn-outline-secondary")));
}

findInput("title").addEventListener("input", () => {
  find("name").textContent = nameOf(findInput("title").value) || "…";
});
find("naming").addEventListener("submit", continueToImages);
findInput("camera").addEventListener("change", () => {
  const taken = [...(findInput("camera").files ?? [])].map((file) => ({ file, path: file.name }));
  findInput("camera").value = "";
  if (findInput("class").value.trim()) return void add(taken);
  fill(find("problems"), problem("Write what the photograph shows first, then take it."));
  return findInput("class").focus();
});
takeFiles(add);
