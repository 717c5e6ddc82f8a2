// Train: the dataset, a training run, and what came of it.
import { get, post } from "../lib/api.js";
import { auditLine } from "../components/audit.js";
import { curves } from "../lib/charts.js";
import { counts, suffices } from "../components/dataset-summary.js";
import { fill, find, h, icon, problem, showProblem } from "../lib/dom.js";
import { estimate } from "../lib/estimate.js";
import { listJobs, showJob } from "../components/job.js";
import { parameter, pickClassifier, setParameter } from "../components/classifier-picker.js";
import { hasEnded } from "../lib/poll.js";
import { promotionResult } from "../components/promotion.js";

const drawLoss = curves(find("loss"), "loss");
const drawAccuracy = curves(find("accuracy"), "accuracy", { percent: true });
let spec, opened, summary, earlier = [], stop = () => {};

async function change(chosen) {
  spec = chosen;
  find("description").textContent = spec.description;
  for (const [name, value] of Object.entries({ ...spec.usual, epochs: spec.training.epochs, promote: spec.promotion.policy })) find(name).value = value;
  stop();
  opened = undefined;
  find("run").hidden = true;
  find("to-data").href = `/data?classifier=${spec.name}`;
  showDataset(spec);
  const jobs = await list();
  const running = jobs.find((job) => !hasEnded(job));
  const wanted = parameter("job") ?? running?.id;
  if (chosen === spec && wanted) open(wanted);
}

async function start(event) {
  event.preventDefault();
  const fields = new FormData(find("retrain"));
  fields.append("classifier", spec.name);
  fill(find("problems"));
  find("start").disabled = true;
  try {
    const { job_id: id } = await post("/api/retrain", fields);
    open(id);
    find("run").scrollIntoView({ block: "nearest", behavior: "smooth" });
  } catch (error) {
    showProblem(find("problems"), error, { link: error.link ?? { href: `/data?classifier=${spec.name}`, text: "Add images" } });
    find("problems").scrollIntoView({ block: "center" });
  } finally {
    find("start").disabled = false;
  }
}

function open(id) {
  stop();
  opened = id;
  setParameter("job", id);
  find("run").hidden = false;
  fill(find("verdict"));
  let known;
  stop = showJob(find("job"), id, (job) => {
    if (job.status !== known) list();
    known = job.status;
    drawLoss(job.history);
    drawAccuracy(job.history);
    fill(find("verdict"), job.status === "succeeded" && promotionResult(job));
    if (hasEnded(job)) showDataset(spec);
  });
}

async function showDataset(chosen) {
  try {
    const [found, audit] = await Promise.all([get(`/api/datasets/${chosen.name}`), get(`/api/datasets/${chosen.name}/audit`)]);
    if (chosen !== spec) return;
    summary = found;
    const line = auditLine(audit);
    fill(find("dataset"), counts(found, chosen));
    fill(find("audit"), line && h("p", { class: `finding tone-${line.tone}` }, icon(line.icon), h("span", {}, line.text),
      h("a", { href: `/data?classifier=${chosen.name}#audit-title` }, "See the audit")));
    find("to-data").className = `btn ${suffices(found) ? "btn-outline-secondary" : "btn-primary"}`;
    find("start").className = `btn ${suffices(found) ? "btn-primary" : "btn-outline-secondary"}`;
    showEstimate();
  } catch (error) {
    showProblem(find("dataset"), error, { retry: () => showDataset(chosen) });
  }
}

function showEstimate() {
  const fields = Object.fromEntries(new FormData(find("retrain")));
  find("estimate").textContent = estimate(earlier, { ...fields, epochs: Number(fields.epochs) }, summary);
}

async function list() {
  try {
    earlier = await listJobs(find("jobs"), "retrain", spec.name, opened, (job) => open(job.id));
    showEstimate();
    return earlier;
  } catch (error) {
    fill(find("jobs"), problem(error.message, { link: error.link }));
    return [];
  }
}

// A job in the address belongs to its own classifier, whatever is remembered.
if (parameter("job")) {
  const job = await get(`/api/jobs/${encodeURIComponent(parameter("job"))}`).catch(() => null);
  if (job?.kind === "retrain") setParameter("classifier", job.classifier);
  else setParameter("job", null);
}
find("classifier").addEventListener("change", () => setParameter("job", null), { capture: true });
find("retrain").addEventListener("submit", start);
find("retrain").addEventListener("input", showEstimate);
await pickClassifier(change);
