// Train: the dataset, a training run, and what came of it.
import { get, post } from "./api.js";
import { curves } from "./charts.js";
import { showDataset } from "./dataset.js";
import { fill, find, h, icon, problem, showProblem } from "./dom.js";
import { percent } from "./format.js";
import { listJobs, showJob } from "./job.js";
import { parameter, pickClassifier, setParameter } from "./picker.js";
import { hasEnded } from "./poll.js";

const drawLoss = curves(find("loss"), "loss");
const drawAccuracy = curves(find("accuracy"), "accuracy", { percent: true });
let spec, opened, stop = () => {};

async function change(chosen) {
  spec = chosen;
  find("description").textContent = spec.description;
  for (const [name, value] of Object.entries({ ...spec.usual, epochs: spec.training.epochs, promote: spec.promotion.policy })) find(name).value = value;
  stop();
  opened = undefined;
  find("run").hidden = true;
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
    list();
  } catch (error) {
    showProblem(find("problems"), error, { link: error.link ?? { href: "#dataset-title", text: "Add images" } });
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
  stop = showJob(find("job"), id, (job) => {
    drawLoss(job.history);
    drawAccuracy(job.history);
    fill(find("verdict"), job.status === "succeeded" && verdict(job));
    if (!hasEnded(job)) return;
    list();
    showDataset(spec);
  });
}

/** The gate's decision, in plain words. */
function verdict({ classifier, result }) {
  const { model_version: version, promoted, undecided, reasons, champion_version: champion, metrics } = result;
  const [tone, name, title] = promoted
    ? ["good", "check-circle", `Version ${version} serves now.`]
    : undecided
      ? ["warn", "question-circle", `Version ${version} waits for your decision${champion ? `; version ${champion} goes on serving` : ""}.`]
      : ["idle", "slash-circle", champion ? `Version ${champion} goes on serving.` : `Version ${version} was kept and does not serve.`];
  return h("div", { class: `decision tone-${tone}` }, icon(name), h("div", {},
    h("p", { class: "decision-title" }, title),
    h("p", {}, reasons.join(" "), ` Its accuracy on ${metrics.n} test images is ${percent(metrics.accuracy)}.`),
    h("a", { class: "btn btn-sm btn-outline-secondary", href: `/models?classifier=${classifier}&version=${version}` }, "See the version")));
}

async function list() {
  try {
    return await listJobs(find("jobs"), "retrain", spec.name, opened, (job) => (open(job.id), list()));
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
await pickClassifier(change);
