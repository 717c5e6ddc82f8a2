// Champion and challenger on live requests: what the challenger gets, and how the two compare.
import { get, post } from "../lib/api.js";
import { empty, fill, find, h, showProblem, table } from "../lib/dom.js";
import { proportion, tile } from "./metrics.js";
import { count, interval, milliseconds, percent, plural, time } from "../lib/format.js";
import { pickClassifier } from "./classifier-picker.js";
import { whileVisible } from "../lib/poll.js";
import { titleOf } from "../lib/labels.js";

const SECONDS = 5;
const USUAL = { off: "", shadow: 100, canary: 10 };
const PARTS = {
  off: () => "gets no requests",
  shadow: (share) => `answers ${share} of the requests in the shadow`,
  canary: (share) => `answers ${share} of the requests as a canary`,
};
const WHO = ["champion", "challenger"];
let spec;

const place = (name) => find(`traffic-${name}`);
const url = () => `/api/models/${spec.name}/challenger`;

/** Show another classifier: the form as the setting is, then the figures. */
async function change(chosen) {
  spec = chosen;
  fill(place("problems"));
  try {
    const [versions, found] = await Promise.all([get(`/api/models?classifier=${chosen.name}`), get(`/api/models/${chosen.name}/challenger`)]);
    if (chosen !== spec) return;
    const others = versions.map(({ version }) => version).filter((version) => version !== found.champion);
    place("form").hidden = !others.length;
    fill(place("version"), others.map((version) => h("option", { value: version, selected: version === found.challenger }, `Version ${version}`)));
    place("mode").value = found.mode;
    setShare(found.mode, found.percent);
    show(found);
  } catch (error) {
    showProblem(place("problems"), error, { retry: () => change(chosen) });
  }
}

function setShare(mode, share) {
  place("percent").disabled = mode === "off";
  place("percent").value = share || USUAL[mode];
}

async function refresh() {
  const asked = spec;
  if (!asked) return;
  try {
    const found = await get(url());
    if (asked === spec) show(found);
  } catch {
    // the next turn asks again; the figures that are shown stay
  }
}

async function apply(event) {
  event.preventDefault();
  fill(place("problems"));
  const mode = place("mode").value;
  const share = mode === "off" ? {} : { percent: Number(place("percent").value) };
  try {
    show(await post(url(), { version: Number(place("version").value), mode, ...share, reason: place("reason").value }));
    place("reason").value = "";
  } catch (error) {
    showProblem(place("problems"), error);
  }
}

function show(found) {
  const { champion, challenger, mode, shadow, canary, history } = found;
  if (!challenger) return fill(find("traffic"), empty("layers", "There is no challenger."));
  const opened = find("traffic").querySelector("details")?.open;
  fill(find("traffic"),
    h("p", {}, h("b", {}, `Version ${challenger}`), ` ${PARTS[mode](percent(found.percent / 100, 0))}, beside version ${champion}.`),
    shadow?.n + shadow?.failed + shadow?.dropped > 0 && shadowFigures(shadow, opened),
    canary && canaryFigures(canary),
    history.length > 0 && h("p", { class: "quiet" }, "Set ", time(history[0].at), `: ${history[0].reason}`));
}

function shadowFigures({ n, failed, dropped, agreement, agreement_interval: pair, compute_ms: times, labelled, disagreements }, opened) {
  return [
    h("h3", { class: "small-title" }, "In the shadow: the same images"),
    h("div", { class: "tiles" }, proportion("Agreement", agreement, pair),
      tile("Images", count(n), `${count(dropped)} left out while busy, ${count(failed)} failed`)),
    compare(["Computing time, median", "95th percentile", "Right where corrected"],
      (who) => [milliseconds(times[who].p50), milliseconds(times[who].p95), right(labelled[who], labelled.n)]),
    disagreements.length > 0 && h("details", { open: opened }, h("summary", {}, `The latest ${plural(disagreements.length, "disagreement")}`),
      table("Images on which they disagree", ["Image", "Champion", "Challenger", "Corrected to"], disagreements.map((row) => [
        h("a", { href: `/api/predictions/${row.prediction_id}/image` }, "Show"),
        ...WHO.map((who) => `${titleOf(spec, row[who].predicted_class)}, ${percent(row[who].confidence, 0)}`),
        row.label ? titleOf(spec, row.label) : "–"]))),
  ];
}

function canaryFigures(canary) {
  return [
    h("h3", { class: "small-title" }, "As a canary: requests answered while it was one"),
    compare(["Answers", "Time, median", "95th percentile", "Right where corrected"], (who) => {
      const { n, duration_ms: times, labelled } = canary[who];
      return [count(n), milliseconds(times.p50), milliseconds(times.p95), right(labelled, labelled.n)];
    }),
  ];
}

const compare = (heads, cells) => table("Champion and challenger", ["", ...heads.map((number) => ({ number }))],
  WHO.map((who) => [who === "champion" ? "Champion" : "Challenger", ...cells(who).map((number) => ({ number }))]));

const right = ({ accuracy, accuracy_interval: pair }, n) => (n ? `${percent(accuracy)} of ${count(n)} (${interval(pair)})` : "none corrected");

place("form").addEventListener("submit", apply);
place("mode").addEventListener("change", () => setShare(place("mode").value, 0));
await pickClassifier(change);
whileVisible(SECONDS, refresh);
