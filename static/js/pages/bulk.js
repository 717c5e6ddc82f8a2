// Bulk: a folder of images becomes a job; its answers fill a table that survives a reload.
import { drawFilters, drawRows } from "../components/bulk-table.js";
import { pickClassifier } from "../components/classifier-picker.js";
import { listJobs, showJob } from "../components/job.js";
import { parameter, setParameter } from "../lib/address.js";
import { newKey } from "../lib/api.js";
import { BulkResults, PAGE } from "../lib/bulk-results.js";
import { fill, find, findButton, findLink, findSelect, h, icon } from "../lib/dom.js";
import { attempt } from "../lib/elements.js";
import { takeFiles } from "../lib/files.js";
import { count, plural } from "../lib/format.js";
import { hasEnded } from "../lib/poll.js";
import { uploadWithProgress } from "../lib/upload.js";

const REFRESH = 2000; // milliseconds between two readings of a running job's answers
/** @type {import("../components/classifier-picker.js").Picker} */
let picker;
/** @type {Api.Classifier} */
let spec;
/** The run that is shown. @type {{ id: string, results: BulkResults, job?: Api.Job, drawn: Map<string, HTMLElement>, read: number } | undefined} */
let run;
let filter = { decision: "", label: "" };
let [offset, stop] = [0, () => {}];

/** @param {TakenFile[]} found @param {string} [key] the same when it is sent again: one run comes of it */
async function start(found, key = newKey()) {
  const form = new FormData();
  form.append("classifier", spec.name);
  form.append("sort", "true"); // patient2 before patient10, inside a zip too
  for (const { file, path } of found) form.append("files", file, path);
  fill(find("problems"));
  await attempt(find("problems"), async () => {
    const { job_id: id } = await uploadWithProgress(find("upload"), "/api/bulk-predict", form, { label: `Uploading ${plural(found.length, "file")}`, key });
    open(id);
  }, { retry: () => start(found, key) });
}

/** Show a job from its beginning; a filter in the address holds for the job in the address. @param {string} id */
function open(id) {
  stop();
  fill(find("problems"));
  const isSame = id === parameter("job");
  filter = { decision: (isSame && parameter("decision")) || "", label: (isSame && parameter("class")) || "" };
  run = { id, results: new BulkResults(id), drawn: new Map(), read: 0 };
  offset = 0;
  setParameter("job", id);
  rememberFilter();
  find("empty").hidden = true;
  find("results").hidden = true;
  stop = showJob(find("job"), id, onJob, about);
}

/** @param {Api.Job} job */
function onJob(job) {
  if (run?.id !== job.id) return;
  if (!run.job) picker.choose(job.classifier); // what is dropped next is most likely more of the same
  if (run.job?.status !== job.status) list();
  run.job = job;
  if (!hasEnded(job) && Date.now() - run.read < REFRESH) return;
  run.read = Date.now();
  refresh();
}

/** @returns {Promise<void>} */
async function refresh() {
  const [of, wanted, from] = [run, filter, offset];
  await attempt(find("problems"), async () => {
    const rows = await of?.results.read(wanted.decision, wanted.label, from);
    if (!rows || of !== run || wanted !== filter || from !== offset) return; // something else is wanted by now
    draw(rows);
  }, { retry: refresh });
}

/** @param {Api.ResultRow[]} rows */
function draw(rows) {
  const of = run?.job && picker.specs.get(run.job.classifier);
  if (!run || !of) return;
  const { results, drawn } = run;
  const { decision, label } = filter;
  const total = results.total(decision, label);
  const text = rows.find((row) => row.notice)?.notice;
  find("results").hidden = false;
  drawFilters(of, filter, (...wanted) => results.total(...wanted), applyFilter);
  if (text) fill(find("notice"), icon("info-circle"), h("span", {}, text));
  find("count").textContent = total ? `${count(offset + 1)} to ${count(offset + rows.length)} of ${plural(total, "image")}` : "No such images.";
  findLink("download").href = results.csv("", "");
  findLink("download-these").href = results.csv(decision, label);
  find("download-these").hidden = !(decision || label);
  drawRows(rows, of, drawn);
  find("pager").hidden = total <= PAGE;
  findButton("back").disabled = offset === 0;
  findButton("on").disabled = offset + PAGE >= total;
}

/** @param {typeof filter} wanted */
function applyFilter(wanted) {
  filter = wanted;
  offset = 0;
  rememberFilter();
  refresh();
}

function rememberFilter() {
  setParameter("decision", filter.decision);
  setParameter("class", filter.label);
}

/** @param {number} by */
async function turn(by) {
  offset = Math.max(0, offset + by);
  await refresh();
  find("results").scrollIntoView({ block: "start" });
}

/** @param {Api.Job} job */
const titleOfJob = ({ classifier }) => picker.specs.get(classifier)?.title ?? classifier;
/** @param {Api.Job} job */
const about = (job) => [titleOfJob(job), `version ${job.params.model_version}`, plural(job.progress.total, "image"),
  ...(job.params.ignored ? [`${plural(job.params.ignored, "system file")} ignored`] : [])].join(", ");

const list = () => listJobs(find("jobs"), "bulk_predict", { current: run?.id, open: ({ id }) => open(id),
  tell: (job) => `${titleOfJob(job)}, ${plural(job.progress.total, "image")}` });

const picked = await pickClassifier((chosen) => (spec = chosen));
if (picked) {
  picker = picked;
  takeFiles((found) => start(found));
  find("by-class").addEventListener("change", () => applyFilter({ ...filter, label: findSelect("by-class").value }));
  find("back").addEventListener("click", () => turn(-PAGE));
  find("on").addEventListener("click", () => turn(PAGE));
  const wanted = parameter("job");
  if (wanted) open(wanted);
  list();
}
