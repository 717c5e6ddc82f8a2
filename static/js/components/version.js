// One model version, or two side by side: metrics, curves, confusion matrices, and the images behind them.
import { curves, plane } from "../lib/charts.js";
import { fill, find, findSelect, h, icon } from "../lib/dom.js";
import { table } from "../lib/elements.js";
import { count, fixed, percent, sum, time } from "../lib/format.js";
import { titleOf } from "../lib/labels.js";
import { confusion, headline, metricCell, proportion } from "../lib/metrics.js";
import { showTestImages } from "./test-images.js";

const DIAGONAL = [{ x: 0, y: 0 }, { x: 1, y: 1 }];
const drawHistory = curves(find("history"), "accuracy", { percent: true });
const drawRoc = plane(find("roc"), "False positive rate", "Sensitivity");
const drawPrecision = plane(find("precision"), "Recall", "Precision");
const drawReliability = plane(find("reliability"), "Confidence", "Accuracy");
/** @type {Api.Tone[]} */
const TONES = ["brand", "accent"];
/** @type {Api.MetricName[]} */
const HEADLINES = ["accuracy", "balanced_accuracy", "auroc"];

/**
 * Show a version and, if `cards` has a second, the one that it is compared with.
 *
 * @param {Api.Classifier} spec
 * @param {Api.Card[]} cards
 */
export function showVersions(spec, cards) {
  const [{ version, metrics }, other] = cards;
  find("detail-title").textContent = other ? `Version ${version} and version ${other.version}` : `Version ${version}`;
  fill(find("notice"), cards.some(({ demo }) => demo) && [icon("info-circle"), demoNotice(cards)]);
  fill(find("figures"), other ? sideBySide(cards) : tiles(metrics));
  find("figures").className = other ? "" : "tiles";
  fill(find("confusions"), cards.map((card) => h("div", {}, h("h3", { class: "small-title" }, other ? `Confusion matrix, version ${card.version}` : "Confusion matrix"),
    confusion(card.metrics.confusion_matrix, card.classes.map((name) => titleOf(spec, name)), (i, j) => showCell(spec, card, i, j)))),
  !other && h("div", {}, h("h3", { class: "small-title" }, "By class"), byClass(spec, metrics)));
  fill(find("cell"));
  fill(find("differences")).className = other ? "awaited" : "";
  if (other) showDifferences(spec, version, other.version);
  showCurves(spec, cards);
  drawHistory(cards[0].history);
  fill(find("card"), facts(cards[0]).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** @param {Api.Card[]} cards */
const demoNotice = ([first, other]) => (first.demo && !other
  ? "Demonstration model, trained on drawn images. Its metrics do not apply to real photographs."
  : "One of these is a demonstration model, tested on drawn images. Its metrics do not apply to real photographs.");

/** @param {Api.Metrics} metrics @returns {Child[]} */
const tiles = (metrics) => [
  ...HEADLINES.map((name) => headline(metrics, name)),
  metrics.quadratic_kappa !== undefined && headline(metrics, "quadratic_kappa"),
  metrics.screening && proportion("Sensitivity", metrics.screening.sensitivity, metrics.screening.sensitivity_interval),
  metrics.screening && proportion("Specificity", metrics.screening.specificity, metrics.screening.specificity_interval),
  metrics.decisions && proportion("Clear answers", metrics.decisions.answered, metrics.decisions.answered_interval),
  Boolean(metrics.decisions?.answered) && metrics.decisions?.accuracy_answered !== undefined && proportion("Correct, of these", metrics.decisions.accuracy_answered, metrics.decisions.accuracy_answered_interval),
];

/** @param {Api.Card[]} cards @returns {Child[]} */
function sideBySide(cards) {
  const row = (/** @type {string} */ title, /** @type {(metrics: Api.Metrics) => Cell} */ value) => [title, ...cards.map(({ metrics }) => value(metrics))];
  const whole = (/** @type {Api.MetricName | "ece"} */ name, /** @type {number} */ digits = 0) =>
    (/** @type {Api.Metrics} */ metrics) => metricCell(metrics[name], metrics.intervals?.[name], digits);
  const screening = cards.some(({ metrics }) => metrics.screening);
  const rows = [
    row("Accuracy", whole("accuracy")), row("Balanced accuracy", whole("balanced_accuracy")), row("Area under ROC", whole("auroc", 3)),
    ...(cards.some(({ metrics }) => metrics.quadratic_kappa !== undefined) ? [row("Quadratic weighted kappa", whole("quadratic_kappa", 3))] : []),
    row("Calibration error", whole("ece", 3)),
    ...(screening ? [
      row("Sensitivity", ({ screening: found }) => metricCell(found?.sensitivity, found?.sensitivity_interval)),
      row("Specificity", ({ screening: found }) => metricCell(found?.specificity, found?.specificity_interval)),
    ] : []),
    row("Clear answers", ({ decisions }) => metricCell(decisions?.answered, decisions?.answered_interval)),
    row("Correct, of the clear answers", ({ decisions }) => metricCell(decisions?.accuracy_answered, decisions?.accuracy_answered_interval)),
    row("Test images", ({ n }) => ({ number: count(n) })),
  ];
  const [first, second] = cards.map(({ metrics }) => metrics.images_sha256);
  const note = first && first === second ? "Both versions were tested on the same images."
    : "The versions were tested on different images. For a fair comparison, use the disagreements below or the result of the training run.";
  return [h("div", { class: "side-by-side" }, table("Metrics of both versions with 95 % intervals", ["Metric", ...cards.map(({ version }) => ({ number: `Version ${version}` }))], rows)),
    h("p", { class: "quiet" }, note)];
}

/** @param {Api.Classifier} spec @param {Api.Metrics} metrics */
const byClass = (spec, { per_class: found }) =>
  table("Metrics by class", ["Class", { number: "Precision" }, { number: "Recall" }, { number: "F1" }, { number: "Images" }],
    Object.entries(found).map(([name, row]) => [titleOf(spec, name), metricCell(row.precision, row.precision_interval), metricCell(row.recall, row.recall_interval),
      { number: percent(row.f1) }, { number: count(row.support) }]));

/** Draw the curves of a class, the positive one at first, and offer the others. @param {Api.Classifier} spec @param {Api.Card[]} cards */
function showCurves(spec, cards) {
  const { metrics, classes } = cards[0];
  const drawn = classes.filter((name) => metrics.curves?.[name]);
  const first = drawn.find((name) => name === spec.positive) ?? drawn[0];
  const select = findSelect("curve-class");
  fill(select, drawn.map((name) => h("option", { value: name, selected: name === first }, titleOf(spec, name))));
  select.hidden = drawn.length < 2;
  select.onchange = () => drawCurves(cards, select.value);
  drawCurves(cards, first);
}

/** @param {Api.Card[]} cards @param {string} name of the class */
function drawCurves(cards, name) {
  const each = (/** @type {(metrics: Api.Metrics) => ChartPoint[] | undefined} */ points) =>
    cards.map(({ version, metrics }, i) => ({ label: `Version ${version}`, tone: TONES[i], dashed: i > 0, points: points(metrics) ?? [] }));
  const zip = (/** @type {number[] | undefined} */ xs, /** @type {number[] | undefined} */ ys) => ys && xs?.map((x, i) => ({ x, y: ys[i] }));
  const diagonal = (/** @type {string} */ label) => ({ label, tone: /** @type {Api.Tone} */ ("idle"), dashed: true, points: DIAGONAL });
  const of = (/** @type {Api.Metrics} */ { curves: found }) => found?.[name];
  drawRoc([...each((metrics) => zip(of(metrics)?.roc.false_positive_rate, of(metrics)?.roc.sensitivity)), diagonal("Chance")]);
  drawPrecision(each((metrics) => zip(of(metrics)?.precision_recall.recall, of(metrics)?.precision_recall.precision)));
  const bins = each(({ reliability }) => reliability?.map(({ confidence: x, accuracy: y }) => ({ x, y })));
  drawReliability([...bins.map((line, i) => ({ ...line, sizes: sizes(cards[i].metrics) })), diagonal("Perfect calibration")]);
}

/** The area of a point of the reliability diagram says how many images it stands for. @param {Api.Metrics} metrics */
const sizes = ({ reliability, n }) => (reliability ?? []).map((bin) => 3 + 8 * Math.sqrt(bin.count / n));

/** @param {Api.Classifier} spec @param {Api.Card} card @param {number} i @param {number} j */
function showCell(spec, { version, classes }, i, j) {
  const [truth, predicted] = [classes[i], classes[j]];
  const title = `Version ${version}: ${titleOf(spec, truth)} predicted as ${titleOf(spec, predicted)}`;
  showTestImages(find("cell"), { spec, version, title, wanted: ({ label, answer }) => label === truth && answer.predicted_class === predicted });
  find("cell").querySelector("h3")?.focus();
}

/** @param {Api.Classifier} spec @param {number} version @param {number} against */
function showDifferences(spec, version, against) {
  showTestImages(find("differences"), { spec, version, against, title: "Test images on which the versions disagree",
    wanted: ({ answer, other }) => answer.predicted_class !== other?.predicted_class });
}

/** @param {Api.Card} card @returns {[string, Child][]} */
function facts(card) {
  const url = `/api/models/${card.classifier}/${card.version}`;
  return [
    ["Created", time(card.created_at)],
    ["Network", `${card.backbone}, ${card.mode === "full" ? "all layers trained" : "last layer trained"}, ${count(card.parameters)} parameters`],
    ["Input", `${card.preprocessing.size} × ${card.preprocessing.size} pixels, crop: ${card.preprocessing.crop}`],
    ["Training set", `${count(sum(card.data.counts.train))} images: ${card.data.source}`],
    ["Test set", `${count(card.metrics.n)} images; calibration error ${fixed(card.metrics.ece, 3)}`],
    ["Served as", card.int8?.kept ? "8-bit integers, which gave the same predictions" : "32-bit floats"],
    ["Data fingerprint", h("code", {}, card.data.sha256.slice(0, 16))],
    ["Code revision", h("code", {}, card.code_revision)],
    ["Download", h("span", { class: "links" }, h("a", { href: `${url}/card.html` }, "Model card"), h("a", { href: url }, "JSON"), h("a", { href: `${url}/bundle` }, icon("download"), " Bundle"))],
  ];
}
