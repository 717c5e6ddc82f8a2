// Models: versions, what they are worth, and which one serves.
import { get, post } from "./api.js";
import { curves } from "./charts.js";
import { empty, fill, find, h, icon, problem, showProblem, table } from "./dom.js";
import { confusion, headline, proportion } from "./figures.js";
import { count, fixed, interval, percent, time } from "./format.js";
import { parameter, pickClassifier, setParameter } from "./picker.js";
import { titleOf } from "./words.js";

const SHOWN = 20;
const drawHistory = curves(find("history"), "accuracy", { percent: true });
let spec, cards;

async function change(chosen) {
  spec = chosen;
  try {
    const versions = (await get(`/api/models?classifier=${chosen.name}`)).slice(0, SHOWN);
    const found = await Promise.all(versions.map(({ version }) => get(`/api/models/${chosen.name}/${version}`)));
    if (chosen !== spec) return;
    cards = new Map(found.map((card) => [card.version, card]));
    fill(find("versions"), versions.length ? list(versions)
      : empty("layers", "No version yet: ", h("a", { href: `/train?classifier=${chosen.name}` }, "add images and train one"), "."));
    showMoves(versions);
    const wanted = Number(parameter("version"));
    const first = versions.find(({ aliases }) => aliases.includes("champion")) ?? versions[0];
    find("detail").hidden = !first;
    if (first) show(cards.has(wanted) ? wanted : first.version);
  } catch (error) {
    find("detail").hidden = true;
    showProblem(find("problems"), error, { retry: () => change(chosen) });
  }
}

function list(versions) {
  return table("Versions, the newest first", ["Version", { number: "Accuracy" }, { number: "Balanced accuracy" }, { number: "ROC area" }, "Network", "Made", ""],
    versions.map((row) => {
      const metrics = cards.get(row.version).metrics;
      return [
        h("span", { class: "version" }, h("button", { type: "button", class: "btn btn-link", onclick: () => show(row.version) }, `Version ${row.version}`),
          row.aliases.map((alias) => h("span", { class: `badge tone-${alias === "champion" ? "good" : "warn"}` }, alias === "champion" ? "Champion" : "Challenger")),
          row.demo && h("span", { class: "badge tone-odd" }, "Demonstration")),
        { number: [percent(metrics.accuracy), h("small", {}, interval(metrics.intervals?.accuracy))] },
        { number: [percent(metrics.balanced_accuracy), h("small", {}, interval(metrics.intervals?.balanced_accuracy))] },
        { number: fixed(metrics.auroc, 3) },
        row.backbone, time(row.created_at),
        row.aliases.includes("champion") ? h("span", { class: "quiet" }, "serves")
          : h("button", { type: "button", class: "btn btn-sm btn-outline-secondary", onclick: () => promote(row) }, "Promote"),
      ];
    }));
}

function show(version) {
  const card = cards.get(version);
  const { metrics } = card;
  setParameter("version", version);
  find("detail-title").textContent = `Version ${version}`;
  fill(find("notice"), card.demo && [icon("info-circle"), "Demonstration model, trained on drawn images: its figures say nothing about real photographs."]);
  const screening = metrics.screening;
  fill(find("figures"), ["accuracy", "balanced_accuracy", "auroc"].map((name) => headline(metrics, name)),
    screening && proportion("Sensitivity", screening.sensitivity, screening.sensitivity_interval),
    screening && proportion("Specificity", screening.specificity, screening.specificity_interval));
  fill(find("confusion"), confusion(metrics.confusion_matrix, card.classes.map((name) => titleOf(spec, name))));
  fill(find("per-class"), table("Figures of each class", ["Class", { number: "Precision" }, { number: "Recall" }, { number: "F1" }, { number: "Images" }],
    Object.entries(metrics.per_class).map(([name, found]) => [titleOf(spec, name), ...["precision", "recall", "f1"].map((key) => ({ number: percent(found[key]) })), { number: count(found.support) }])));
  drawHistory(card.history);
  fill(find("card"), facts(card).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function facts(card) {
  const trained = Object.values(card.data.counts.train ?? {}).reduce((sum, value) => sum + value, 0);
  return [
    ["Made", time(card.created_at)],
    ["Network", `${card.backbone}, ${card.mode === "full" ? "trained whole" : "last layer trained"}, ${count(card.parameters)} parameters`],
    ["Input", `${card.preprocessing.size} pixels square, crop: ${card.preprocessing.crop}`],
    ["Trained on", `${count(trained)} images: ${card.data.source}`],
    ["Tested on", `${count(card.metrics.n)} images; calibration error ${fixed(card.metrics.ece, 3)}`],
    ["Data fingerprint", h("code", {}, card.data.sha256.slice(0, 16))],
    ["Code", h("code", {}, card.code_revision)],
    ["Whole card", h("a", { href: `/api/models/${card.classifier}/${card.version}` }, "JSON")],
  ];
}

async function showMoves(versions) {
  const place = find("moves");
  try {
    const { alias_moves: moves } = versions.length ? await get(`/api/model-info?classifier=${spec.name}`) : { alias_moves: [] };
    find("rollback").hidden = moves.filter(({ alias }) => alias === "champion").length < 2;
    fill(place, moves.length ? table("Moves of the aliases", ["When", "Alias", "Version", "Reason"],
      moves.map((move) => [time(move.at), move.alias, move.version ?? "none", move.reason])) : empty("clock", "Nothing has served yet."));
  } catch (error) {
    fill(place, problem(error.message, { link: error.link }));
  }
}

/** Ask for a reason, then make the call and show what changed. */
async function decide(title, text, verb, url) {
  const dialog = find("reason-dialog");
  find("reason-title").textContent = title;
  find("reason-text").textContent = text;
  find("reason-yes").textContent = verb;
  find("reason").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  if (dialog.returnValue !== "yes") return;
  fill(find("problems"));
  try {
    await post(url, { reason: find("reason").value });
    await change(spec);
  } catch (error) {
    showProblem(find("problems"), error);
  }
}

const promote = ({ version }) =>
  decide(`Promote version ${version}?`, "It answers every request from now on. You can roll back.", "Promote", `/api/models/${spec.name}/${version}/promote`);

find("rollback").addEventListener("click", () =>
  decide("Roll back?", "The version that served before answers again.", "Roll back", `/api/models/${spec.name}/rollback`));
find("classifier").addEventListener("change", () => setParameter("version", null), { capture: true });
await pickClassifier(change);
