// The promotion gate's decision, in plain words.
import { h, icon } from "../lib/dom.js";
import { count, fixed, percent, plural, signed } from "../lib/format.js";

const METRICS = { accuracy: "accuracy", balanced_accuracy: "balanced accuracy", macro_f1: "mean F1", auroc: "area under the ROC curve" };

/** What became of a training run: who serves now, why, and what to do. */
export function promotionResult({ classifier, result }) {
  const { model_version: version, metrics, figures } = result;
  const rival = figures?.champion_version;
  const { tone, icon: name, title } = headline(result);
  return h("div", { class: `decision tone-${tone}` }, icon(name), h("div", {},
    h("p", { class: "decision-title" }, title),
    h("p", {}, comparison(figures) ?? `On ${plural(metrics.n, "test image")} its accuracy is ${percent(metrics.accuracy)}.`),
    h("details", {}, h("summary", {}, "The comparison, word for word"), result.reasons.map((reason) => h("p", { class: "quiet" }, reason))),
    h("a", { class: "btn btn-sm btn-outline-secondary", href: address(classifier, version, rival) }, rival ? "Compare the two" : "See the version")));
}

const address = (classifier, version, rival) => `/models?classifier=${classifier}&version=${version}${rival ? `&against=${rival}` : ""}`;

function headline({ promoted, undecided, model_version: version, champion_version: champion }) {
  if (promoted) return { tone: "good", icon: "check-circle", title: `Version ${version} serves now.` };
  if (undecided) return { tone: "warn", icon: "question-circle", title: `Version ${version} waits for your decision${champion ? `; version ${champion} goes on serving` : ""}.` };
  return { tone: "idle", icon: "slash-circle", title: champion ? `Version ${champion} goes on serving.` : `Version ${version} was kept and does not serve.` };
}

/** The comparison on the same images; undefined where there was no champion, or nothing to compare. */
export function comparison({ metric, champion, challenger, interval, images, champion_version: old } = {}) {
  if (!interval || champion === undefined) return undefined;
  const figure = (value) => (metric === "auroc" ? fixed(value, 3) : percent(value));
  const [low, high] = interval.map((value) => signed(100 * value));
  const meaning = interval[1] < 0 ? "so it is worse" : interval[0] > 0 ? "so it is better" : "so chance alone may explain it";
  return `Both answered the same ${count(images)} test images. The new version has ${METRICS[metric] ?? metric} ${figure(challenger)}, version ${old} has ${figure(champion)}. `
    + `With 95 % confidence the true difference lies between ${low} and ${high} points, ${meaning}.`;
}
