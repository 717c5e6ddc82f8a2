// A classifier's dataset: what there is, what is wrong with it, and a way to add to it.
import { get, post } from "./api.js";
import { empty, fill, find, h, icon, notice, problem, showProblem, table } from "./dom.js";
import { takeFiles } from "./files.js";
import { count, plural } from "./format.js";
import { showJob } from "./job.js";
import { hasEnded } from "./poll.js";
import { send } from "./sending.js";
import { plain, titleOf } from "./words.js";

const SPLITS = ["train", "val", "test", "unassigned"];
const SPLIT_TITLES = { train: "Training", val: "Validation", test: "Test", unassigned: "Divided at training" };
const TONES = { critical: "bad", warning: "warn", notice: "idle" };
const PER_CALL = 200; // files in one upload
let spec, auditing, stop = () => {};

/** Show the dataset of a classifier. */
export async function showDataset(chosen) {
  const changed = spec !== chosen;
  spec = chosen;
  if (changed) {
    fill(find("label"), h("option", { value: "" }, "As their folders or file names say"),
      spec.classes.map(({ name, title }) => h("option", { value: name }, title)));
    fill(find("upload"));
    stop();
    auditing = false;
  }
  try {
    const [summary, audit] = await Promise.all([get(`/api/datasets/${chosen.name}`), get(`/api/datasets/${chosen.name}/audit`)]);
    if (chosen !== spec) return;
    fill(find("dataset"), summary.images ? counts(summary) : empty("images", "No images yet: add at least 10 of each class below."));
    if (!auditing) fill(find("audit"), summary.images > 0 && findings(audit));
  } catch (error) {
    showProblem(find("dataset"), error, { retry: () => showDataset(chosen) });
  }
}

function counts({ counts: by, classes, images, left_out: out }) {
  const splits = SPLITS.filter((split) => by[split]);
  const row = (title, values, total) => [title, ...values.map((value) => ({ number: count(value) })), { number: h("b", {}, count(total)) }];
  const sum = (split) => Object.values(by[split]).reduce((total, value) => total + value, 0);
  const note = `${plural(out, "image")} left out of training, since the same patient, or an image that shows the same, is in a later split.`;
  const rows = table("Images by class and split", ["Class", ...splits.map((split) => ({ number: SPLIT_TITLES[split] })), { number: "All" }], [
    ...Object.entries(classes).map(([name, total]) => row(titleOf(spec, name), splits.map((split) => by[split][name] ?? 0), total)),
    row(h("b", {}, "All"), splits.map(sum), images),
  ]);
  return [rows, out > 0 && notice(note)];
}

function findings({ findings: found, complete, stale }) {
  const told = found.map(({ kind, message, severity }) =>
    h("p", { class: `finding tone-${TONES[severity]}` }, icon(severity === "notice" ? "info-circle" : "exclamation-triangle"),
      h("span", {}, h("b", {}, `${plain(kind)}. `), message)));
  if (complete && !stale) {
    return told.length ? told : h("p", { class: "finding tone-good" }, icon("check-circle"), "The audit found nothing wrong.");
  }
  const missing = stale
    ? "The images have changed since the audit looked at them."
    : "The deep audit has not been run: nobody has looked for copies, shortcuts and wrong labels yet.";
  return [...told, h("div", { class: "finding tone-idle" }, icon("info-circle"), h("span", {}, missing),
    h("button", { type: "button", class: "btn btn-sm btn-outline-secondary text-nowrap", onclick: startAudit }, "Run the audit"))];
}

/** Run the deep audit as a job, and show its findings when it has ended. */
async function startAudit() {
  const chosen = spec;
  try {
    const { job_id: id } = await post(`/api/datasets/${chosen.name}/audit`);
    if (chosen !== spec) return;
    auditing = true;
    stop = showJob(find("audit"), id, (job) => {
      if (job.status === "succeeded") auditing = false;
      if (hasEnded(job) && !auditing) showDataset(chosen);
    });
  } catch (error) {
    showProblem(find("audit"), error, { retry: startAudit });
  }
}

/** Send the files, those of a folder named like a class with its label, and say what became of them. */
async function add(found) {
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
  showDataset(chosen);
}

function sendPart(chosen, label, files) {
  const form = new FormData();
  form.append("classifier", chosen.name);
  if (label) form.append("label", label);
  for (const file of files) form.append("files", file, file.name);
  return send(find("upload"), "/api/upload", form, `Sending ${plural(files.length, "file")}`);
}

function groups(found) {
  const label = find("label").value;
  const known = new Map(spec.classes.map(({ name }) => [fold(name), name]));
  const parts = new Map();
  for (const { file, folder } of found) {
    const key = label || known.get(fold(folder)) || "";
    parts.set(key, [...(parts.get(key) ?? []), file]);
  }
  return parts;
}

const fold = (name) => name.trim().toLowerCase().replaceAll(/[\s._-]+/g, "_");

function merge(total, part) {
  total.accepted += part.accepted;
  total.duplicates += part.duplicates;
  total.rejected.push(...part.rejected);
}

function report({ accepted, duplicates, rejected }) {
  const known = duplicates ? `, ${count(duplicates)} known already` : "";
  fill(find("upload"),
    h("p", { class: `finding tone-${accepted ? "good" : "warn"}`, role: "status" }, icon("info-circle"), `${plural(accepted, "image")} added${known}.`),
    rejected.length > 0 && problem(`${plural(rejected.length, "file")} could not be used: ${rejected[0].file}: ${rejected[0].reason}`),
    rejected.length > 1 && h("details", {}, h("summary", {}, "All of them"), h("ul", {}, rejected.map(({ file, reason }) => h("li", {}, `${file}: ${reason}`)))));
}

takeFiles(add);
