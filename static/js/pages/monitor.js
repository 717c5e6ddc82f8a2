// Monitor: the service, the host, the predictions and their drift, read every few seconds while somebody looks.
import { pickClassifier } from "../components/classifier-picker.js";
import { tile } from "../lib/metrics.js";
import { address, parameter, setParameter } from "../lib/address.js";
import { get, text } from "../lib/api.js";
import { lines } from "../lib/charts.js";
import { fill, find, findSelect, h } from "../lib/dom.js";
import { attempt, badge, bars, empty, findingLine, notice, problem, table, thumbnail } from "../lib/elements.js";
import { NONE, ago, bytes, chance, count, duration, fixed, milliseconds, percent, time } from "../lib/format.js";
import { decisionOf, plain, titleOf } from "../lib/labels.js";
import { requestsByStatus } from "../lib/prometheus.js";
import { poll } from "../lib/poll.js";

const SECONDS = 5;
const SECOND = 1000; // milliseconds
const KEPT = 60; // points of the host's chart
/** @type {Record<Api.DriftVerdict, Finding>} */
const DRIFTS = {
  stable: { tone: "good", icon: "check-circle", text: "Chance alone explains how recent images differ from the training images." },
  watch: { tone: "warn", icon: "exclamation-triangle", text: "Recent images differ a little from the training images, by more than chance explains." },
  drifted: { tone: "bad", icon: "exclamation-circle", text: "Recent images differ from the training images. Check the camera, then retrain." },
};
const drawHost = lines(find("host-chart"), [{ label: "CPU", tone: "brand" }, { label: "Memory", tone: "accent", dashed: true }], { percent: true });
/** @type {{ at: string, cpu: number, memory: number }[]} */
const points = [];
/** @type {Api.Classifier} */
let spec;
let latest = "";
/** @type {number | undefined} when the figures were read */
let updated;

const hours = () => findSelect("hours").value;

/** @returns {Promise<unknown>} */
function refresh() {
  const [chosen, wanted] = [spec, hours()];
  return attempt(find("problems"), async () => {
    /** @type {Api.Status} */
    const status = await get("/api/status");
    /** @type {[Api.Statistics, Api.Drift | null, Api.LoggedAnswer[], string]} */
    const [statistics, drift, recent, metrics] = await Promise.all([
      get(address("/api/statistics", { classifier: chosen.name, hours: wanted })),
      status.champions[chosen.name] ? get(`/api/drift/${chosen.name}`) : null,
      get(address("/api/predictions", { classifier: chosen.name, limit: 8 })),
      text("/metrics"),
    ]);
    if (chosen !== spec || wanted !== hours()) return;
    fill(find("problems"));
    showService(status, statistics, requestsByStatus(metrics));
    showHost(status.host);
    showJobs(status);
    showUsage(statistics);
    showDrift(drift);
    showRecent(recent);
    updated = Date.now();
    showFreshness();
  }, { retry: refresh });
}

function showFreshness() {
  if (updated) find("freshness").textContent = `Updated ${ago(updated)}`;
}

/** @param {Api.Status} status @param {Api.Statistics} statistics @param {ReturnType<typeof requestsByStatus>} requests */
function showService({ uptime_seconds: uptime, queue }, { latency_ms: latency, last_hour: hour, predictions }, requests) {
  fill(find("service"),
    tile("Uptime", duration(uptime)),
    tile("Requests", count(requests.all), `${count(requests.rejected)} rejected, ${count(requests.failed)} failed`),
    tile("Predictions", count(predictions), `${spec.title}; ${count(hour)} in the last hour`),
    tile("Latency, median", milliseconds(latency.p50), predictions ? `95 % below ${milliseconds(latency.p95)}, 99 % below ${milliseconds(latency.p99)}` : "no predictions yet"),
    tile("Workers", queue.available ? count(queue.workers.length) : NONE, queue.available ? "online" : "the queue is down"));
}

/** @param {Api.Host} host */
function showHost(host) {
  points.push({ at: new Date().toLocaleTimeString(), cpu: host.cpu_percent / 100, memory: host.memory_percent / 100 });
  if (points.length > KEPT) points.shift();
  drawHost(points.map(({ at }) => at), [points.map(({ cpu }) => cpu), points.map(({ memory }) => memory)]);
  const gauge = (/** @type {string} */ label, /** @type {number} */ used, /** @type {string} */ detail) =>
    ({ label, value: used / 100, text: detail, tone: /** @type {Api.Tone} */ (used > 90 ? "bad" : "brand") });
  fill(find("host"), bars([
    gauge("CPU", host.cpu_percent, `${percent(host.cpu_percent / 100, 0)} of ${host.cpu_count} cores`),
    gauge("Memory", host.memory_percent, `${bytes(host.memory_used_bytes)} of ${bytes(host.memory_total_bytes)}`),
    gauge("Disk", host.disk_percent, `${bytes(host.disk_used_bytes)} of ${bytes(host.disk_total_bytes)}`),
  ], "Usage"), h("p", { class: "quiet" }, `Load average: ${host.load_average.map((value) => fixed(value, 2)).join(", ")}. Memory of this web process: ${bytes(host.process_memory_bytes)}.`));
}

/** @param {Api.Status} status */
function showJobs({ queue, jobs }) {
  if (!queue.available) {
    fill(find("queues"), problem("The queue is down. Predictions work; jobs wait until it is back."));
    return;
  }
  const workers = (/** @type {string} */ from) => queue.workers.filter((worker) => worker.queue === from).map(({ name, seen }) =>
    h("div", {}, name, h("small", { class: "d-block quiet" }, `Last seen ${ago(SECOND * seen)}`)));
  const none = { tone: /** @type {Api.Tone} */ ("warn"), icon: "exclamation-triangle", title: "None" };
  const rows = Object.entries(queue.waiting).map(([name, length]) => {
    const online = workers(name);
    return [plain(name), { number: count(length) }, online.length ? online : badge(none)];
  });
  fill(find("queues"),
    h("div", { class: "tiles" }, tile("Running", count(jobs.running), "jobs"), tile("Waiting", count(jobs.queued), "jobs")),
    table("Queues and their workers", ["Queue", { number: "Messages" }, "Workers online"], rows));
}

/** @param {Api.Statistics} statistics */
function showUsage({ predictions, by_class: classes, by_decision: decisions, feedback, class_mix: mix }) {
  if (!predictions) {
    fill(find("usage"), empty("eye", hours() ? "No predictions in this period. Choose a longer period, or " : "No predictions yet. To start, ", h("a", { href: address("/predict", { classifier: spec.name }) }, "predict an image"), "."));
    return;
  }
  const rows = (/** @type {Api.Counts} */ counts, /** @type {(name: string) => string} */ title, /** @type {(name: string) => Api.Tone} */ tone) =>
    Object.entries(counts).map(([name, n]) => ({ label: title(name), value: n / predictions, text: count(n), tone: tone(name) }));
  const correct = feedback.labelled ? `${count(feedback.correct)} of ${count(feedback.labelled)} predictions with feedback (${percent(feedback.accuracy)}).`
    : "No feedback yet. Say on Predict or Bulk whether a prediction is correct.";
  fill(find("usage"),
    h("h3", { class: "small-title" }, "By class"), bars(rows(classes, (name) => titleOf(spec, name), () => "brand"), "Predictions by class"),
    h("h3", { class: "small-title" }, "By decision"), bars(rows(decisions, (name) => decisionOf(name).title, (name) => decisionOf(name).tone), "Predictions by decision"),
    h("h3", { class: "small-title" }, "Correct, by feedback"), h("p", {}, correct),
    mix?.shares && [h("h3", { class: "small-title" }, "Estimated class mix"), h("p", { id: "class-mix" }, mixOf(mix.answers, mix.shares, mix.intervals ?? {}, mix.calibration))]);
}

/** How often each class occurs among the latest images, in one sentence. @param {number} answers @param {Api.Counts} shares @param {Record<string, Api.Interval>} intervals @param {Api.Counts} calibration */
function mixOf(answers, shares, intervals, calibration) {
  const share = (/** @type {string} */ name) =>
    `${titleOf(spec, name)} ${percent(shares[name])} (${percent(intervals[name][0])} to ${percent(intervals[name][1])}; ${percent(calibration[name])} in calibration)`;
  return `${Object.keys(shares).map(share).join(", ")}. Estimated from the last ${count(answers)} predictions, without labels.`;
}

/** @param {Api.Drift | null} found */
function showDrift(found) {
  if (!found) {
    fill(find("drift"), empty("layers", "No model yet. To start, ", h("a", { href: address("/train", { classifier: spec.name }) }, "train one"), "."));
    return;
  }
  if (found.verdict === "too_few") {
    fill(find("drift"), empty("activity", `${count(found.predictions)} of the ${count(found.needed)} predictions of different images needed to measure drift.`));
    return;
  }
  if (found.verdict === "no_reference") {
    fill(find("drift"), empty("activity", found.advice));
    return;
  }
  const largestFirst = Object.entries(found.measures).sort(([, a], [, b]) => b.psi - a.psi);
  const rows = largestFirst.map(([measure, { psi, limit, verdict }]) => [plain(measure), { number: fixed(psi, 3) }, { number: fixed(limit, 3) }, badge({ ...DRIFTS[verdict], title: plain(verdict) })]);
  fill(find("drift"), findingLine(DRIFTS[found.verdict]), table("Drift of each measure", ["Measure", { number: "PSI" }, { number: "Limit of chance" }, "Status"], rows),
    h("p", { class: "quiet" }, `Population stability index (PSI) of the last ${count(found.images)} images against the training images. Above the limit of chance: watch; if also from 0.25: drifted.`));
}

/** @param {Api.LoggedAnswer[]} rows */
function showRecent(rows) {
  const newest = `${spec.name} ${rows[0]?.id}`;
  if (newest === latest) return;
  latest = newest;
  fill(find("recent"), rows.length ? h("ul", { class: "recent" }, rows.map((row) => h("li", {}, thumbnail(`/api/predictions/${row.id}/image?side=144`, ""),
    h("div", {}, h("b", {}, titleOf(spec, row.predicted_class)), ` ${chance(row.confidence)}`, h("br"),
      badge(decisionOf(row.decision)), h("br"), h("span", { class: "quiet" }, time(row.timestamp)))))) : empty("eye", "No predictions yet."),
  rows[0]?.notice && notice(rows[0].notice));
}

/** @type {{ now: () => void } | undefined} */
let polling;
const asked = [...findSelect("hours").options].find(({ value }) => value === parameter("hours"));
if (asked) asked.selected = true;
find("hours").addEventListener("change", () => {
  setParameter("hours", hours());
  polling?.now();
});
setInterval(showFreshness, SECOND);
await pickClassifier((chosen) => {
  spec = chosen;
  if (polling) return polling.now();
  polling = poll(async () => {
    await refresh();
    return SECONDS;
  });
});
