// Champion and challenger on live requests: which requests the challenger gets, and how the two compare.
import { get, post } from "../lib/api.js";
import { fill, find, findInput, findSelect, h } from "../lib/dom.js";
import { attempt, empty, table } from "../lib/elements.js";
import { NONE, count, interval, milliseconds, percent, plural, time } from "../lib/format.js";
import { titleOf } from "../lib/labels.js";
import { poll } from "../lib/poll.js";
import { proportion, tile } from "../lib/metrics.js";

const SECONDS = 5;
/** @type {Record<Api.ChallengerMode, number | "">} */
const USUAL = { off: "", shadow: 100, canary: 10 };
/** @type {Record<Api.ChallengerMode, (share: string) => string>} */
const MODES = {
  off: () => "gets no requests",
  shadow: (share) => `gets ${share} of the requests in shadow mode`,
  canary: (share) => `answers ${share} of the requests as a canary`,
};
/** @type {Api.Side[]} */
const SIDES = ["champion", "challenger"];
/** @type {Api.Classifier | undefined} */
let spec;

/** @param {Api.Classifier} of */
const urlOf = (of) => `/api/models/${of.name}/challenger`;

/** Show another classifier: the form as the setting is, then the figures. @param {Api.Classifier} chosen */
export function showChallenger(chosen) {
  spec = chosen;
  fill(find("challenger-problems"));
  return attempt(find("challenger-problems"), async () => {
    /** @type {[Api.Version[], Api.Challenger]} */
    const [versions, found] = await Promise.all([get(`/api/models?classifier=${chosen.name}`), get(urlOf(chosen))]);
    if (chosen !== spec) return;
    const others = versions.map(({ version }) => version).filter((version) => version !== found.champion);
    find("challenger-form").hidden = !others.length;
    fill(find("challenger-version"), others.map((version) => h("option", { value: version, selected: version === found.challenger }, `Version ${version}`)));
    findSelect("challenger-mode").value = found.mode;
    setShare(found.mode, found.percent);
    draw(found, chosen);
  });
}

/** Keep the figures fresh, and apply what the form says. */
export function watchChallenger() {
  find("challenger-form").addEventListener("submit", apply);
  find("challenger-mode").addEventListener("change", () => setShare(modeChosen(), 0));
  poll(async () => {
    const asked = spec;
    // After a failure the figures stay; the next turn asks again.
    const found = asked && await get(urlOf(asked)).catch(() => undefined);
    if (found && asked === spec) draw(found, asked);
    return SECONDS;
  });
}

const modeChosen = () => /** @type {Api.ChallengerMode} */ (findSelect("challenger-mode").value);

/** @param {Api.ChallengerMode} mode @param {number} share */
function setShare(mode, share) {
  const field = findInput("challenger-percent");
  field.disabled = mode === "off";
  field.value = String(share || USUAL[mode]);
}

/** @param {Event} event */
function apply(event) {
  event.preventDefault();
  const chosen = spec;
  if (!chosen) return undefined;
  fill(find("challenger-problems"));
  const mode = modeChosen();
  const share = mode === "off" ? {} : { percent: findInput("challenger-percent").valueAsNumber };
  const reason = findInput("challenger-reason");
  return attempt(find("challenger-problems"), async () => {
    draw(await post(urlOf(chosen), { version: Number(findSelect("challenger-version").value), mode, ...share, reason: reason.value }), chosen);
    reason.value = "";
  }, {});
}

/** @param {Api.Challenger} found @param {Api.Classifier} of */
function draw({ champion, challenger, mode, percent: share, shadow, canary, history }, of) {
  const place = find("challenger");
  if (!challenger) return fill(place, empty("layers", "No challenger. Choose a version above to compare it with the champion."));
  const opened = place.querySelector("details")?.open ?? false;
  return fill(place,
    h("p", {}, h("b", {}, `Version ${challenger}`), ` ${MODES[mode](percent(share / 100, 0))}; the champion is version ${champion}.`),
    shadow && shadow.n + shadow.failed + shadow.dropped > 0 && shadowFigures(shadow, of, opened),
    canary && canaryFigures(canary),
    history.length > 0 && h("p", { class: "quiet" }, "Set ", time(history[0].at), `: ${history[0].reason}`));
}

/** @param {Api.Shadow} shadow @param {Api.Classifier} of @param {boolean} opened @returns {Child[]} */
function shadowFigures({ n, failed, dropped, agreement, agreement_interval: pair, compute_ms: times, labelled, disagreements }, of, opened) {
  return [
    h("h3", { class: "small-title" }, "Shadow mode: both on the same images"),
    h("div", { class: "tiles" }, proportion("Agreement", agreement, pair),
      tile("Images", count(n), `${count(dropped)} skipped under load, ${count(failed)} failed`)),
    compare(["Compute time, median", "95th percentile", "Correct, by feedback"],
      (side) => [milliseconds(times[side].p50), milliseconds(times[side].p95), correct(labelled[side], labelled.n)]),
    disagreements.length > 0 && h("details", { open: opened }, h("summary", {}, `Latest ${plural(disagreements.length, "disagreement")}`),
      table("Images on which they disagree", ["Image", "Champion", "Challenger", "Feedback"], disagreements.map((row) => [
        h("a", { href: `/api/predictions/${row.prediction_id}/image` }, "Show"),
        ...SIDES.map((side) => `${titleOf(of, row[side].predicted_class)}, ${percent(row[side].confidence, 0)}`),
        row.label ? titleOf(of, row.label) : NONE]))),
  ];
}

/** @param {Api.Canary} canary @returns {Child[]} */
function canaryFigures(canary) {
  return [
    h("h3", { class: "small-title" }, "Canary: each on its own requests"),
    compare(["Predictions", "Time, median", "95th percentile", "Correct, by feedback"], (side) => {
      const { n, duration_ms: times, labelled } = canary[side];
      return [count(n), milliseconds(times.p50), milliseconds(times.p95), correct(labelled, labelled.n)];
    }),
  ];
}

/** @param {string[]} heads @param {(side: Api.Side) => string[]} cells */
const compare = (heads, cells) => table("Champion and challenger", ["", ...heads.map((number) => ({ number }))],
  SIDES.map((side) => [side === "champion" ? "Champion" : "Challenger", ...cells(side).map((number) => ({ number }))]));

/** @param {Api.Labelled} labelled @param {number} n */
const correct = ({ accuracy, accuracy_interval: pair }, n) => (n ? `${percent(accuracy)} of ${count(n)} (${interval(pair)})` : "no feedback yet");
