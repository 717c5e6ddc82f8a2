// Bulk: a folder of images becomes a job; its answers fill a table that survives a reload.
import { fill, find, h, icon, problem, showProblem } from "../lib/dom.js";
import { takeFiles } from "../lib/files.js";
import { chance, count, plural } from "../lib/format.js";
import { listJobs, showJob } from "../components/job.js";
import { openAnswer } from "../components/answer-dialog.js";
import { parameter, pickClassifier, setParameter } from "../components/classifier-picker.js";
import { hasEnded } from "../lib/poll.js";
import { PAGE, Results } from "../lib/bulk-results.js";
import { uploadWithProgress } from "../lib/upload.js";
import { GRAVEST_FIRST, decisionOf, titleOf } from "../lib/labels.js";

const REFRESH = 2000; // milliseconds between two readings of a running job's answers
const rowsById = new Map(); // rows of answers, kept so that their pictures do not flicker
let spec, picker, results, rows = [], job, opened, stop = () => {}, read = 0, offset = 0, decision = "", label = "";

async function start(found) {
  const form = new FormData();
  form.append("classifier", spec.name);
  for (const { file } of found) form.append("files", file, file.name);
  fill(find("problems"));
  try {
    const { job_id: id } = await uploadWithProgress(find("upload"), "/api/bulk-predict", form, `Sending ${plural(found.length, "file")}`);
    open(id);
  } catch (error) {
    showProblem(find("problems"), error, { retry: error.status >= 400 && error.status < 500 ? undefined : () => start(found) });
  }
}

/** Show a job from its beginning; a filter in the address holds for the job in the address. */
function open(id) {
  stop();
  rowsById.clear();
  fill(find("problems"));
  const same = id === parameter("job");
  [decision, label] = same ? [parameter("decision") ?? "", parameter("class") ?? ""] : ["", ""];
  [results, job, read, offset, opened] = [new Results(id), undefined, 0, 0, id];
  setParameter("job", id);
  keepFilter();
  find("empty").hidden = true;
  find("results").hidden = true;
  stop = showJob(find("job"), id, (state) => onJob(id, state), about);
}

function onJob(id, state) {
  if (!job) picker.choose(state.classifier); // what is dropped next is most likely more of the same
  if (job?.status !== state.status) list();
  job = state;
  if (!hasEnded(job) && Date.now() - read < REFRESH) return;
  read = Date.now();
  refresh();
}

async function refresh() {
  const [of, asked] = [results, `${decision} ${label} ${offset}`];
  try {
    const found = await of.read(decision, label, offset);
    if (of !== results || asked !== `${decision} ${label} ${offset}`) return; // something else is wanted by now
    rows = found;
    draw();
  } catch (error) {
    showProblem(find("problems"), error, { retry: refresh });
  }
}

function draw() {
  const of = picker.specs.get(job.classifier);
  find("results").hidden = false;
  drawFilters(of);
  const text = rows.find((row) => row.notice)?.notice;
  if (text) fill(find("notice"), icon("info-circle"), h("span", {}, text));
  const total = results.total(decision, label);
  find("count").textContent = total ? `${count(offset + 1)} to ${count(offset + rows.length)} of ${plural(total, "image")}` : "No such image.";
  find("download").href = results.table("", "");
  find("download-these").hidden = !(decision || label);
  find("download-these").href = results.table(decision, label);
  fill(find("rows"), rows.map((row) => cachedRow(row, of)));
  find("pager").hidden = total <= PAGE;
  find("back").disabled = offset === 0;
  find("on").disabled = offset + PAGE >= total;
}

/** A button for each decision that occurs, with how often, the gravest first; and the classes. */
function drawFilters(of) {
  const occurring = GRAVEST_FIRST.filter((name) => name === decision || results.total(name, label));
  const focused = document.activeElement?.dataset.decision;
  fill(find("decisions"), ["", ...occurring].map((name) => {
    const { tone, icon: picture, title } = name ? decisionOf(name) : { tone: "idle", icon: "images", title: "All" };
    return h("button", { type: "button", class: `chip tone-${tone}`, "data-decision": name, "aria-pressed": String(name === decision),
      onclick: () => filter(name, label) }, icon(picture), title, h("b", {}, count(results.total(name, label))));
  }));
  if (focused !== undefined) find("decisions").querySelector(`[data-decision="${focused}"]`)?.focus();
  const classes = of.classes.filter(({ name }) => name === label || results.total(decision, name));
  fill(find("by-class"), h("option", { value: "" }, "All classes"), classes.map(({ name, title }) =>
    h("option", { value: name, selected: name === label }, `${title} (${count(results.total(decision, name))})`)));
}

function filter(...wanted) {
  [decision, label] = wanted;
  offset = 0;
  keepFilter();
  refresh();
}

function keepFilter() {
  setParameter("decision", decision);
  setParameter("class", label);
}

async function turn(by) {
  offset = Math.max(0, offset + by);
  await refresh();
  find("results").scrollIntoView({ block: "start" });
}

function cachedRow(row, of) {
  if (!row.id) return tableRow(row, of);
  if (!rowsById.has(row.id)) rowsById.set(row.id, tableRow(row, of));
  return rowsById.get(row.id);
}

function tableRow(row, of) {
  const { tone, icon: name, title } = decisionOf(row.error ? "error" : row.id ? row.decision : "waiting");
  const badge = h("span", { class: `badge tone-${tone}` }, icon(name), title);
  const [folder, base] = [row.file.slice(0, row.file.lastIndexOf("/") + 1), row.file.slice(row.file.lastIndexOf("/") + 1)];
  const file = h("th", { scope: "row" }, folder && h("small", {}, folder), base);
  if (!row.id) return h("tr", {}, h("td", {}, h("span", { class: "thumb" })), file, h("td", { colspan: 3 }, badge, row.error && ` ${row.error}`));
  const picture = h("img", { class: "thumb", src: `/api/predictions/${row.id}/image?side=112`, alt: "", width: 56, height: 56, loading: "lazy" });
  return h("tr", { class: "answered" },
    h("td", {}, h("button", { type: "button", class: "thumb-button", "aria-label": `Look at ${row.file}`, onclick: () => openAnswer(row.id, of, rows) }, picture)),
    file, h("td", {}, badge), h("td", {}, titleOf(of, row.predicted_class)), h("td", { class: "num" }, chance(row.confidence)));
}

const titleOfJob = ({ classifier }) => picker.specs.get(classifier)?.title ?? classifier;
const about = (state) => `${titleOfJob(state)}, version ${state.params.model_version}, ${plural(state.progress.total, "image")}`;

async function list() {
  try {
    await listJobs(find("jobs"), "bulk_predict", null, opened, (chosen) => open(chosen.id),
      (each) => `${titleOfJob(each)}, ${plural(each.progress.total, "image")}`);
  } catch (error) {
    fill(find("jobs"), problem(error.message, { link: error.link }));
  }
}

picker = await pickClassifier((chosen) => (spec = chosen));
if (picker) {
  takeFiles(start);
  find("by-class").addEventListener("change", () => filter(decision, find("by-class").value));
  find("back").addEventListener("click", () => turn(-PAGE));
  find("on").addEventListener("click", () => turn(PAGE));
  if (parameter("job")) open(parameter("job"));
  list();
}
