// The promotion gate's decision about a new version.
import { address } from "../lib/address.js";
import { h, icon } from "../lib/dom.js";
import { count, fixed, interval, percent, plural, signed } from "../lib/format.js";

/** @type {Record<string, string>} */
const METRICS = { accuracy: "accuracy", balanced_accuracy: "balanced accuracy", macro_f1: "mean F1", auroc: "area under the ROC curve" };

/** What became of a training run: who serves now, why, and what to do. @param {string} classifier @param {Api.TrainingResult} result */
export function promotionResult(classifier, result) {
  const { model_version: version, figures } = result;
  const rival = figures?.champion_version;
  const { tone, icon: name, title } = headline(result);
  return h("div", { class: `decision tone-${tone}` }, icon(name), h("div", {},
    h("p", { class: "decision-title" }, title),
    h("p", {}, comparison(figures) ?? alone(result.metrics)),
    h("details", {}, h("summary", {}, "Details of the comparison"), result.reasons.map((reason) => h("p", { class: "quiet" }, reason))),
    h("a", { class: "btn btn-sm btn-outline-secondary", href: address("/models", { classifier, version, against: rival }) }, rival ? "Compare the versions" : "View the version")));
}

/** @param {Api.TrainingResult} result @returns {Style} */
function headline({ promoted, undecided, model_version: version, champion_version: champion }) {
  const still = champion ? `Version ${champion} is still serving.` : "";
  if (promoted) return { tone: "good", icon: "check-circle", title: `Version ${version} is now serving.` };
  if (undecided) return { tone: "warn", icon: "question-circle", title: `Version ${version} needs your decision. ${still}` };
  return { tone: "idle", icon: "slash-circle", title: still || `Version ${version} is saved but not serving.` };
}

/** @param {Api.Metrics} metrics */
const alone = ({ n, accuracy, intervals }) =>
  `Accuracy on ${plural(n, "test image")}: ${percent(accuracy)}${intervals?.accuracy ? ` (95 % interval ${interval(intervals.accuracy)})` : ""}.`;

/** The comparison on the same images; undefined where there was no champion, or nothing to compare. @param {Api.Comparison} [figures] */
export function comparison({ metric = "", champion, challenger, interval: pair, images, champion_version: old } = {}) {
  if (!pair || champion === undefined) return undefined;
  const figure = (/** @type {number | undefined} */ value) => (metric === "auroc" ? fixed(value, 3) : percent(value));
  const [low, high] = pair.map((value) => signed(100 * value));
  const meaning = pair[1] < 0 ? "The new version is worse." : pair[0] > 0 ? "The new version is better." : "The difference may be due to chance.";
  return `Both versions predicted the same ${count(images)} test images. The ${METRICS[metric] ?? metric} of the new version is ${figure(challenger)}, that of version ${old} is ${figure(champion)}. `
    + `The 95 % interval of the difference is ${low} to ${high} points. ${meaning}`;
}
