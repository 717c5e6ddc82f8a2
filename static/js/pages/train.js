// Train: the dataset, a training run, and what came of it.
import { pickClassifier } from "../components/classifier-picker.js";
import { counts, suffices } from "../components/dataset-summary.js";
import { listJobs, showJob } from "../components/job.js";
import { promotionResult } from "../components/promotion.js";
import { auditLine } from "../gallery/audit-line.js";
import { address, parameter, setParameter } from "../lib/address.js";
import { get, newKey, post } from "../lib/api.js";
import { curves } from "../lib/charts.js";
import { fill, find, findButton, findInput, findLink, findSelect, h } from "../lib/dom.js";
import { attempt, findingLine } from "../lib/elements.js";
import { estimate } from "../lib/estimate.js";
import { hasEnded } from "../lib/poll.js";

const drawLoss = curves(find("loss"), "loss");
const drawAccuracy = curves(find("accuracy"), "accuracy", { percent: true });
const form = find("retrain", HTMLFormElement);
/** @type {Api.Classifier} */
let spec;
/** @type {string | undefined} */
let opened;
/** @type {Api.DatasetSummary | undefined} */
let summary;
/** @type {Api.Job[]} */
let earlier = [];
/** @type {Map<string, string>} Idempotency-Key of each request until its run ends: a request sent twice starts one run */
const keys = new Map();
let [sending, stop] = [false, () => {}];

/** @param {Api.Classifier} chosen */
async function change(chosen) {
  spec = chosen;
  find("description").textContent = spec.description;
  findSelect("backbone").value = spec.usual.backbone;
  findSelect("mode").value = spec.usual.mode;
  findSelect("promote").value = spec.promotion.policy;
  findSelect("weights").value = "imagenet";
  findInput("epochs").value = String(spec.training.epochs);
  limitToHead();
  stop();
  opened = summary = undefined;
  earlier = [];
  find("run").hidden = true;
  findLink("to-data").href = address("/data", { classifier: spec.name });
  showDataset(spec);
  await list();
  const wanted = parameter("job") ?? earlier.find((job) => !hasEnded(job))?.id;
  if (chosen === spec && wanted) open(wanted);
}

/** A network from the user's own file is never trained itself, and has its own weights. */
function limitToHead() {
  const own = findSelect("backbone").selectedOptions[0]?.dataset.own !== undefined;
  if (own) findSelect("mode").value = "head";
  if (own) findSelect("weights").value = "imagenet";
  for (const name of ["mode", "weights"]) findSelect(name).disabled = own;
}

/** What the form asks for. */
function settings() {
  return { backbone: findSelect("backbone").value, mode: findSelect("mode").value, weights: findSelect("weights").value,
    epochs: findInput("epochs").valueAsNumber, promote: findSelect("promote").value };
}

/** The run with the settings of the form that has not ended yet, if any. */
function activeRun() {
  const wanted = Object.entries(settings());
  return earlier.find((job) => !hasEnded(job) && wanted.every(([name, value]) => job.params[/** @type {keyof Api.TrainingSettings} */ (name)] === value));
}

/** @param {Event} event */
async function start(event) {
  event.preventDefault();
  if (sending) return;
  const asked = { classifier: spec.name, ...settings() };
  const request = JSON.stringify(asked);
  const key = keys.get(request) ?? newKey();
  keys.set(request, key);
  fill(find("problems"));
  sending = true;
  drawForm();
  const problems = find("problems");
  const link = summary && !suffices(summary) ? { href: address("/data", { classifier: spec.name }), text: "Add images" } : undefined;
  const accepted = await attempt(problems, () => post("/api/retrain", asked, { key }), { link });
  if (accepted) {
    open(accepted.job_id);
    await list();
    find("run").scrollIntoView({ block: "nearest", behavior: "smooth" });
  } else problems.scrollIntoView({ block: "center" });
  sending = false;
  drawForm();
}

/** @param {string} id */
function open(id) {
  stop();
  opened = id;
  setParameter("job", id);
  find("run").hidden = false;
  fill(find("verdict"));
  /** @type {Api.JobStatus | undefined} */
  let known;
  stop = showJob(find("job"), id, (job) => {
    if (hasEnded(job)) keys.clear(); // the same settings may be trained again
    if (job.status !== known) list();
    known = job.status;
    drawLoss(job.history);
    drawAccuracy(job.history);
    fill(find("verdict"), job.status === "succeeded" && job.result && promotionResult(job.classifier, job.result));
    if (hasEnded(job)) showDataset(spec);
  });
}

/** @param {Api.Classifier} chosen */
function showDataset(chosen) {
  return attempt(find("dataset"), async () => {
    /** @type {[Api.DatasetSummary, Api.Audit]} */
    const [found, audit] = await Promise.all([get(`/api/datasets/${chosen.name}`), get(`/api/datasets/${chosen.name}/audit`)]);
    if (chosen !== spec) return;
    summary = found;
    const line = auditLine(audit);
    fill(find("dataset"), counts(found, chosen));
    fill(find("audit"), line && findingLine(line, h("a", { href: `${address("/data", { classifier: chosen.name })}#audit-title` }, "View audit")));
    find("to-data").className = `btn ${suffices(found) ? "btn-outline-secondary" : "btn-primary"}`;
    find("start").className = `btn ${suffices(found) ? "btn-primary" : "btn-outline-secondary"}`;
    drawForm();
  });
}

/** The button rests while the same run is on its way; beside it stands how long a run will take. */
function drawForm() {
  const run = activeRun();
  findButton("start").disabled = sending || run !== undefined;
  find("estimate").textContent = run ? "A run with these settings is in progress." : estimate(earlier, settings(), summary);
}

async function list() {
  const chosen = spec;
  const found = await listJobs(find("jobs"), "retrain", { classifier: chosen.name, current: opened, open: (job) => open(job.id) });
  if (chosen !== spec) return;
  earlier = found;
  drawForm();
}

// A job in the address belongs to its own classifier, whatever is remembered.
if (parameter("job")) {
  const job = await get(`/api/jobs/${encodeURIComponent(parameter("job") ?? "")}`).catch(() => null);
  if (job?.kind === "retrain") setParameter("classifier", job.classifier);
  else setParameter("job", null);
}
find("classifier").addEventListener("change", () => setParameter("job", null), { capture: true });
form.addEventListener("submit", start);
findSelect("backbone").addEventListener("change", limitToHead);
form.addEventListener("input", drawForm);
await pickClassifier(change);
