// Bulk: a folder of images becomes a job; its answers fill a table that survives a reload.
import { fill, find, h, icon, problem, showProblem } from "./dom.js";
import { takeFiles } from "./files.js";
import { count, percent, plural } from "./format.js";
import { listJobs, showJob } from "./job.js";
import { parameter, pickClassifier, setParameter } from "./picker.js";
import { hasEnded } from "./poll.js";
import { Results } from "./results.js";
import { send } from "./sending.js";
import { decisionOf, titleOf } from "./words.js";

const PAGE = 50;
const REFRESH = 2000; // milliseconds between two readings of a running job's answers
const made = new Map(); // rows of answers, kept so that their pictures do not flicker
let spec, specs, results, rows = [], shown = PAGE, stop = () => {}, read = 0, opened;

async function start(found) {
  const form = new FormData();
  form.append("classifier", spec.name);
  for (const { file } of found) form.append("files", file, file.name);
  fill(find("problems"));
  try {
    const { job_id: id } = await send(find("upload"), "/api/bulk-predict", form, `Sending ${plural(found.length, "file")}`);
    open(id);
    list();
  } catch (error) {
    showProblem(find("problems"), error, { retry: error.status >= 400 && error.status < 500 ? undefined : () => start(found) });
  }
}

function open(id) {
  stop();
  made.clear();
  [results, rows, shown, read, opened] = [new Results(id), [], PAGE, 0, id];
  setParameter("job", id);
  find("empty").hidden = true;
  find("results").hidden = true;
  find("download").href = `/api/jobs/${encodeURIComponent(id)}/results?format=csv`;
  stop = showJob(find("job"), id, (job) => onJob(id, job));
}

async function onJob(id, job) {
  if (!hasEnded(job) && Date.now() - read < REFRESH) return;
  read = Date.now();
  try {
    await results.read(job.progress.total, hasEnded(job));
    if (id !== opened) return; // another one was opened meanwhile
    const found = results.rows.filter(Boolean);
    const sent = new Set(found.map((row) => row.file));
    const refused = (hasEnded(job) ? job.errors : []).filter((error) => error.file && !sent.has(error.file));
    rows = [...found, ...refused.map(({ file, reason }) => ({ file, error: reason }))];
    draw(specs.get(job.classifier));
    if (hasEnded(job)) list();
  } catch (error) {
    showProblem(find("problems"), error);
  }
}

function draw(of) {
  find("results").hidden = false;
  options(find("by-decision"), "decision", (name) => decisionOf(name).title);
  options(find("by-class"), "predicted_class", (name) => titleOf(of, name));
  const text = rows.find((row) => row.notice)?.notice;
  fill(find("notice"), text && icon("info-circle"), text);
  const wanted = rows.filter((row) => fits(row, "decision", find("by-decision").value) && fits(row, "predicted_class", find("by-class").value));
  const done = rows.filter((row) => row.id || row.error).length;
  find("count").textContent = `${count(wanted.length)} of ${plural(rows.length, "image")} shown${done < rows.length ? `, ${count(done)} answered` : ""}`;
  fill(find("rows"), wanted.slice(0, shown).map((row) => kept(row, of)));
  find("more").hidden = wanted.length <= shown;
  find("more").textContent = `Show ${count(Math.min(PAGE, wanted.length - shown))} more of ${count(wanted.length - shown)}`;
}

/** Offer each value that occurs, with how often; keep the choice. */
function options(select, key, title) {
  const counts = new Map();
  for (const row of rows) {
    const value = row.error ? "error" : row[key];
    if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const chosen = select.value;
  fill(select, h("option", { value: "" }, `All (${count(rows.length)})`),
    [...counts].sort().map(([value, n]) => h("option", { value }, `${value === "error" ? "Error" : title(value)} (${count(n)})`)));
  select.value = counts.has(chosen) ? chosen : "";
}

const fits = (row, key, value) => !value || (row.error ? "error" : row[key]) === value;

function kept(row, of) {
  if (!row.id) return line(row, of);
  if (!made.has(row.id)) made.set(row.id, line(row, of));
  return made.get(row.id);
}

function line(row, of) {
  if (row.error) {
    return h("tr", { class: "failed" }, h("td", {}, h("span", { class: "thumb" })), h("th", { scope: "row" }, row.file),
      h("td", { colspan: 3 }, h("span", { class: "badge tone-bad" }, icon("exclamation-circle"), "Error"), ` ${row.error}`));
  }
  if (!row.id) {
    return h("tr", {}, h("td", {}, h("span", { class: "thumb" })), h("th", { scope: "row" }, row.file), h("td", { colspan: 3, class: "quiet" }, "Waiting"));
  }
  const { tone, icon: name, title } = decisionOf(row.decision);
  return h("tr", {},
    h("td", {}, h("img", { class: "thumb", src: `/api/predictions/${row.id}/image?side=144`, alt: "", width: 56, height: 56, loading: "lazy" })),
    h("th", { scope: "row" }, row.file),
    h("td", {}, h("span", { class: `badge tone-${tone}` }, icon(name), title)),
    h("td", {}, titleOf(of, row.predicted_class)),
    h("td", { class: "num" }, percent(row.confidence)));
}

async function list() {
  try {
    await listJobs(find("jobs"), "bulk_predict", null, opened, (job) => (open(job.id), list()));
  } catch (error) {
    fill(find("jobs"), problem(error.message, { link: error.link }));
  }
}

const picker = await pickClassifier((chosen) => (spec = chosen));
if (picker) {
  specs = picker.specs;
  takeFiles(start);
  const redraw = () => draw(specs.get(rows.find((row) => row.classifier)?.classifier) ?? spec);
  for (const id of ["by-decision", "by-class"]) find(id).addEventListener("change", () => ((shown = PAGE), redraw()));
  find("more").addEventListener("click", () => ((shown += PAGE), redraw()));
  if (parameter("job")) open(parameter("job"));
  list();
}
