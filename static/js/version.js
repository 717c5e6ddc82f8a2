// One model version, or two side by side: figures, curves, confusion matrices, and the images behind them.
import { curves, plane } from "./charts.js";
import { fill, find, h, icon, table } from "./dom.js";
import { showExamined } from "./examined.js";
import { confusion, headline, inCell, proportion } from "./figures.js";
import { count, fixed, percent, time } from "./format.js";
import { titleOf } from "./words.js";

const DIAGONAL = [{ x: 0, y: 0 }, { x: 1, y: 1 }];
const drawHistory = curves(find("history"), "accuracy", { percent: true });
const drawRoc = plane(find("roc"), "False alarms", "Sensitivity");
const drawPrecision = plane(find("precision"), "Recall", "Precision");
const drawReliability = plane(find("reliability"), "How sure it was", "How often it was right");
const TONES = ["brand", "accent"];
let spec, shown, of;

/** Show `cards`: the version itself and, if there is a second, the one that it is compared with. */
export function showVersions(chosen, cards) {
  [spec, shown] = [chosen, cards];
  const [{ version, metrics, demo, classes }, other] = cards;
  find("detail-title").textContent = other ? `Version ${version} beside version ${other.version}` : `Version ${version}`;
  fill(find("notice"), cards.some((card) => card.demo) && [icon("info-circle"),
    demo && !other ? "Demonstration model, trained on drawn images: its figures say nothing about real photographs."
      : "One of them is a demonstration model, tested on drawn images: its figures say nothing about real photographs."]);
  fill(find("figures"), other ? beside(cards) : tiles(metrics));
  find("figures").className = other ? "" : "tiles";
  fill(find("confusions"), cards.map((card) => h("div", {}, h("h3", { class: "small-title" }, other ? `Confusion matrix, version ${card.version}` : "Confusion matrix"),
    confusion(card.metrics.confusion_matrix, card.classes.map((name) => titleOf(spec, name)), (i, j) => showCell(card, i, j)))),
  !other && h("div", {}, h("h3", { class: "small-title" }, "By class"), byClass(metrics)));
  fill(find("cell"));
  fill(find("differences")).className = other ? "awaited" : "";
  if (other) showDifferences(version, other.version);
  of = classes.find((name) => name === spec.positive && metrics.curves?.[name]) ?? classes.find((name) => metrics.curves?.[name]);
  fill(find("curve-class"), classes.filter((name) => metrics.curves?.[name]).map((name) => h("option", { value: name, selected: name === of }, titleOf(spec, name))));
  find("curve-class").hidden = Object.keys(metrics.curves ?? {}).length < 2;
  drawCurves();
  drawHistory(cards[0].history);
  fill(find("card"), facts(cards[0]).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

const tiles = (metrics) => [
  ...["accuracy", "balanced_accuracy", "auroc"].map((name) => headline(metrics, name)),
  metrics.screening && proportion("Sensitivity", metrics.screening.sensitivity, metrics.screening.sensitivity_interval),
  metrics.screening && proportion("Specificity", metrics.screening.specificity, metrics.screening.specificity_interval),
  metrics.decisions && proportion("Clear answers", metrics.decisions.answered, metrics.decisions.answered_interval),
  metrics.decisions && proportion("Right, of these", metrics.decisions.accuracy_answered, metrics.decisions.accuracy_answered_interval),
];

function beside(cards) {
  const row = (title, value) => [title, ...cards.map(({ metrics }) => value(metrics))];
  const whole = (name, digits) => (metrics) => inCell(metrics[name], metrics.intervals?.[name], digits);
  const rows = [
    row("Accuracy", whole("accuracy")), row("Balanced accuracy", whole("balanced_accuracy")), row("Area under ROC", whole("auroc", 3)),
    row("Calibration error", whole("ece", 3)),
    ...["sensitivity", "specificity"].filter(() => cards.some(({ metrics }) => metrics.screening)).map((name) =>
      row(name === "sensitivity" ? "Sensitivity" : "Specificity", ({ screening }) => inCell(screening?.[name], screening?.[`${name}_interval`]))),
    row("Clear answers", ({ decisions }) => inCell(decisions?.answered, decisions?.answered_interval)),
    row("Right, of the clear answers", ({ decisions }) => inCell(decisions?.accuracy_answered, decisions?.accuracy_answered_interval)),
    row("Test images", ({ n }) => ({ number: count(n) })),
  ];
  const [first, second] = cards.map(({ metrics }) => metrics.images_sha256);
  const note = first && first === second ? "Both were tested on the same images." : "They were tested on different images: only the answers below, and the verdict after training, compare them fairly.";
  return [h("div", { class: "side-by-side" }, table("Figures of both versions with their 95 % intervals", ["Figure", ...cards.map(({ version }) => ({ number: `Version ${version}` }))], rows)),
    h("p", { class: "quiet" }, note)];
}

const byClass = ({ per_class: found }) =>
  table("Figures of each class", ["Class", { number: "Precision" }, { number: "Recall" }, { number: "F1" }, { number: "Images" }],
    Object.entries(found).map(([name, row]) => [titleOf(spec, name), inCell(row.precision, row.precision_interval), inCell(row.recall, row.recall_interval),
      { number: percent(row.f1) }, { number: count(row.support) }]));

function drawCurves() {
  const each = (points) => shown.map((card, i) => ({ label: `Version ${card.version}`, tone: TONES[i], dashed: i > 0, points: points(card.metrics) ?? [] }));
  const zip = (xs, ys) => xs?.map((x, i) => ({ x, y: ys[i] }));
  const chance = (label) => ({ label, tone: "idle", dashed: true, points: DIAGONAL });
  drawRoc([...each(({ curves: found }) => zip(found?.[of]?.roc.false_positive_rate, found?.[of]?.roc.sensitivity)), chance("Chance")]);
  drawPrecision(each(({ curves: found }) => zip(found?.[of]?.precision_recall.recall, found?.[of]?.precision_recall.precision)));
  const bins = each(({ reliability }) => reliability?.map(({ confidence: x, accuracy: y }) => ({ x, y })));
  drawReliability([...bins.map((line, i) => ({ ...line, sizes: sizes(shown[i].metrics) })), chance("Perfect")]);
}

/** The area of a point of the reliability says how many images it stands for. */
const sizes = ({ reliability, n }) => (reliability ?? []).map((bin) => 3 + 8 * Math.sqrt(bin.count / n));

function showCell({ version, classes }, i, j) {
  const [truth, answered] = [classes[i], classes[j]];
  const title = `Version ${version}: ${titleOf(spec, truth)} answered as ${titleOf(spec, answered)}`;
  showExamined(find("cell"), { spec, version, title, wanted: ({ label, answer }) => label === truth && answer.predicted_class === answered });
  find("cell").querySelector("h3").focus();
}

function showDifferences(version, against) {
  showExamined(find("differences"), { spec, version, against, title: "Images on which they differ",
    wanted: ({ answer, other }) => answer.predicted_class !== other.predicted_class });
}

function facts(card) {
  const trained = Object.values(card.data.counts.train ?? {}).reduce((sum, value) => sum + value, 0);
  const url = `/api/models/${card.classifier}/${card.version}`;
  return [
    ["Made", time(card.created_at)],
    ["Network", `${card.backbone}, ${card.mode === "full" ? "trained whole" : "last layer trained"}, ${count(card.parameters)} parameters`],
    ["Input", `${card.preprocessing.size} pixels square, crop: ${card.preprocessing.crop}`],
    ["Trained on", `${count(trained)} images: ${card.data.source}`],
    ["Tested on", `${count(card.metrics.n)} images; calibration error ${fixed(card.metrics.ece, 3)}`],
    ["Served as", card.int8 ? (card.int8.kept ? "eight-bit integers, which gave the same answers" : "32-bit floats") : "32-bit floats"],
    ["Data fingerprint", h("code", {}, card.data.sha256.slice(0, 16))],
    ["Code", h("code", {}, card.code_revision)],
    ["Read and keep", h("span", { class: "links" }, h("a", { href: `${url}/card.html` }, "Model card"), h("a", { href: url }, "JSON"), h("a", { href: `${url}/bundle` }, icon("download"), " Bundle"))],
  ];
}

find("curve-class").addEventListener("change", () => ((of = find("curve-class").value), drawCurves()));
