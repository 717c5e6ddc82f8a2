// Monitor: the service, the machine, the answers and their drift, anew every few seconds while somebody looks.
import { get, text } from "./api.js";
import { lines } from "./charts.js";
import { bars, empty, fill, find, h, icon, problem, table } from "./dom.js";
import { tile } from "./figures.js";
import { bytes, chance, count, duration, fixed, milliseconds, percent, time } from "./format.js";
import { parameter, pickClassifier, setParameter } from "./picker.js";
import { whileVisible } from "./poll.js";
import { decisionOf, plain, titleOf } from "./words.js";

const SECONDS = 5;
const KEPT = 60; // points of the machine's chart
const VERDICTS = {
  stable: ["good", "check-circle", "Today's images look like those of the training."],
  watch: ["warn", "exclamation-triangle", "Today's images begin to differ from those of the training: watch them."],
  drifted: ["bad", "exclamation-circle", "Today's images differ from those of the training: check the camera, then retrain."],
};
const drawHost = lines(find("host-chart"), [{ label: "CPU", tone: "brand" }, { label: "Memory", tone: "accent", dashed: true }], { percent: true });
const points = [];
let spec, latest;

async function refresh() {
  const [chosen, hours] = [spec, find("hours").value];
  try {
    const status = await get("/api/status");
    const [statistics, drift, recent, metrics] = await Promise.all([
      get(`/api/statistics?classifier=${chosen.name}${hours ? `&hours=${hours}` : ""}`),
      status.champions[chosen.name] ? get(`/api/drift/${chosen.name}`) : null,
      get(`/api/predictions?classifier=${chosen.name}&limit=8`),
      text("/metrics"),
    ]);
    if (chosen !== spec || hours !== find("hours").value) return;
    fill(find("problems"));
    showService(status, statistics, requests(metrics));
    showHost(status.host);
    showQueues(status);
    showUsage(statistics);
    showDrift(drift);
    showRecent(recent);
    fill(find("freshness"), "Updated ", time(new Date().toISOString()), `; anew every ${SECONDS} seconds while this page is in view.`);
  } catch (error) {
    fill(find("problems"), problem(error.message, { retry: refresh, link: error.link }));
  }
}

/** Sum the counters of the answered requests by the first digit of their status. */
function requests(metrics) {
  const sums = { all: 0, 4: 0, 5: 0 };
  for (const [, status, value] of metrics.matchAll(/^fovea_requests_total\{[^}]*status="(\d)\d\d"[^}]*\} (\S+)$/gm)) {
    sums.all += Number(value);
    if (status in sums) sums[status] += Number(value);
  }
  return sums;
}

function showService({ uptime_seconds: uptime, queue }, { latency_ms: latency, last_hour: hour, predictions }, answered) {
  fill(find("service"),
    tile("Up for", duration(uptime)),
    tile("Requests", count(answered.all), `${count(answered[4])} refused, ${count(answered[5])} broken`),
    tile("Answers", count(predictions), `by ${spec.title}, ${count(hour)} in the last hour`),
    tile("Time for an answer", milliseconds(latency.p50), predictions ? `half take less; 95 % under ${milliseconds(latency.p95)}, 99 % under ${milliseconds(latency.p99)}` : "no answer yet"),
    tile("Workers", queue.available ? count(queue.workers.length) : "–", queue.available ? "alive" : "the queue is down"));
}

function showHost(host) {
  points.push([new Date().toLocaleTimeString(), host.cpu_percent / 100, host.memory_percent / 100]);
  if (points.length > KEPT) points.shift();
  drawHost(points.map(([at]) => at), [points.map(([, cpu]) => cpu), points.map(([, , memory]) => memory)]);
  const gauge = (label, share, detail) => ({ label, value: share / 100, text: detail, tone: share > 90 ? "bad" : "brand" });
  fill(find("host"), bars([
    gauge("CPU", host.cpu_percent, `${fixed(host.cpu_percent, 0)} % of ${host.cpu_count} cores`),
    gauge("Memory", host.memory_percent, `${bytes(host.memory_used_bytes)} of ${bytes(host.memory_total_bytes)}`),
    gauge("Disk", host.disk_percent, `${bytes(host.disk_used_bytes)} of ${bytes(host.disk_total_bytes)}`),
  ], "In use"), h("p", { class: "quiet" }, `Load ${host.load_average.map((value) => fixed(value, 2)).join(", ")}; this web process takes ${bytes(host.process_memory_bytes)}.`));
}

function showQueues({ queue, jobs }) {
  if (!queue.available) {
    fill(find("queues"), problem("The queue is down: predictions go on, and jobs wait until it is back."));
    return;
  }
  const heard = (from) => queue.workers.filter((worker) => worker.queue === from).map(({ name, seen }) => h("div", {}, name, h("small", { class: "d-block quiet" }, `heard of ${duration(Date.now() / 1000 - seen)} ago`)));
  const rows = Object.entries(queue.waiting).map(([name, length]) => [plain(name), { number: count(length) }, heard(name).length ? heard(name) : h("span", { class: "badge tone-warn" }, icon("exclamation-triangle"), "None alive")]);
  fill(find("queues"),
    h("div", { class: "tiles" }, tile("Running", count(jobs.running), "jobs"), tile("Waiting", count(jobs.queued), "jobs")),
    table("Queues and the workers that serve them", ["Queue", { number: "Messages" }, "Workers alive"], rows));
}

function showUsage({ predictions, by_class: classes, by_decision: decisions, feedback, class_mix: mix }) {
  if (!predictions) {
    fill(find("usage"), empty("eye", find("hours").value ? "No answer in this time: choose a longer one, or " : "No answer yet: ", h("a", { href: `/predict?classifier=${spec.name}` }, "ask about an image"), "."));
    return;
  }
  const rows = (counts, title, tone) => Object.entries(counts).map(([name, n]) => ({ label: title(name), value: n / predictions, text: count(n), tone: tone(name) }));
  const sure = feedback.labelled ? `${count(feedback.correct)} of ${count(feedback.labelled)} answers that people checked (${percent(feedback.accuracy)}).` : "Nobody has checked an answer yet: say on Predict or Bulk whether one was right.";
  fill(find("usage"),
    h("h3", { class: "small-title" }, "By class"), bars(rows(classes, (name) => titleOf(spec, name), () => "brand"), "Answers by class"),
    h("h3", { class: "small-title" }, "By decision"), bars(rows(decisions, (name) => decisionOf(name).title, (name) => decisionOf(name).tone), "Answers by decision"),
    h("h3", { class: "small-title" }, "Found right by people"), h("p", {}, sure),
    mix?.shares && h("h3", { class: "small-title" }, "Estimated class mix"), mix?.shares && h("p", { id: "class-mix" }, mixOf(mix)));
}

/** How often each class occurs among the latest images, in one sentence. */
function mixOf({ answers, shares, intervals, calibration }) {
  const share = (name) => `${titleOf(spec, name)} ${percent(shares[name])} (${percent(intervals[name][0])} to ${percent(intervals[name][1])}; ${percent(calibration[name])} in calibration)`;
  return `${Object.keys(shares).map(share).join(", ")}: estimated from the last ${count(answers)} answers, without labels.`;
}

function showDrift(found) {
  if (!found) {
    fill(find("drift"), empty("layers", "No model serves yet: ", h("a", { href: `/train?classifier=${spec.name}` }, "train one"), "."));
    return;
  }
  if (found.verdict === "too_few") {
    fill(find("drift"), empty("activity", `${count(found.predictions)} answers of the serving version so far; ${found.needed} are needed to tell.`));
    return;
  }
  const [tone, name, sentence] = VERDICTS[found.verdict];
  const worstFirst = Object.entries(found.measures).sort(([, a], [, b]) => b.psi - a.psi);
  const rows = worstFirst.map(([measure, { psi, verdict }]) => [plain(measure), { number: fixed(psi, 3) }, h("span", { class: `badge tone-${VERDICTS[verdict][0]}` }, icon(VERDICTS[verdict][1]), plain(verdict))]);
  fill(find("drift"), h("p", { class: `finding tone-${tone}` }, icon(name), sentence), table("Stability of each measure", ["Measure", { number: "Shift (PSI)" }, "Verdict"], rows),
    h("p", { class: "quiet" }, `How far the last ${count(found.predictions)} answers' images have moved from those of the training (population stability index): from 0.10 watch, from 0.25 drifted.`));
}

function showRecent(rows) {
  const newest = `${spec.name} ${rows[0]?.id}`;
  if (newest === latest) return;
  latest = newest;
  fill(find("recent"), rows.length ? h("ul", { class: "recent" }, rows.map((row) => {
    const { tone, icon: name, title } = decisionOf(row.decision);
    return h("li", {}, h("img", { src: `/api/predictions/${row.id}/image?side=144`, alt: "", width: 96, height: 96, loading: "lazy" }),
      h("div", {}, h("b", {}, titleOf(spec, row.predicted_class)), ` ${chance(row.confidence)}`, h("br"),
        h("span", { class: `badge tone-${tone}` }, icon(name), title), h("br"), h("span", { class: "quiet" }, time(row.timestamp))));
  })) : empty("eye", "None yet: the newest answers appear here with their images."), rows[0]?.notice && h("p", { class: "notice" }, icon("info-circle"), rows[0].notice));
}

let now;
const asked = [...find("hours").options].find(({ value }) => value === parameter("hours"));
if (asked) asked.selected = true;
find("hours").addEventListener("change", () => {
  setParameter("hours", find("hours").value);
  now?.();
});
await pickClassifier((chosen) => {
  spec = chosen;
  if (now) now();
  else now = whileVisible(SECONDS, refresh);
});
