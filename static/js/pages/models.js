// Models: versions, what they are worth, and which one serves.
import { get, post } from "../lib/api.js";
import { empty, fill, find, h, problem, settle, showProblem, table } from "../lib/dom.js";
import { inCell } from "../components/metrics.js";
import { time } from "../lib/format.js";
import { parameter, pickClassifier, setParameter } from "../components/classifier-picker.js";
import { showVersions } from "../components/version.js";

const SHOWN = 20;
let spec, cards;

async function change(chosen) {
  spec = chosen;
  fill(find("problems"));
  try {
    const versions = (await get(`/api/models?classifier=${chosen.name}`)).slice(0, SHOWN);
    const found = await Promise.all(versions.map(({ version }) => get(`/api/models/${chosen.name}/${version}`)));
    if (chosen !== spec) return;
    cards = new Map(found.map((card) => [card.version, card]));
    fill(find("versions"), versions.length ? list(versions)
      : empty("layers", "No version yet: ", h("a", { href: `/data?classifier=${chosen.name}` }, "add images"), ", then train one."));
    const moves = showMoves(versions);
    const wanted = Number(parameter("version"));
    const first = versions.find(({ aliases }) => aliases.includes("champion")) ?? versions[0];
    find("detail").hidden = !first;
    if (first) show(cards.has(wanted) ? wanted : first.version);
    await moves;
  } catch (error) {
    find("detail").hidden = true;
    showProblem(find("problems"), error, { retry: () => change(chosen) });
  }
  settle();
}

function list(versions) {
  return table("Versions, the newest first", ["Version", { number: "Accuracy" }, { number: "Balanced accuracy" }, { number: "ROC area" }, "Network", "Made", "Serve"],
    versions.map((row) => {
      const { metrics } = cards.get(row.version);
      return [
        h("span", { class: "version" }, h("button", { type: "button", class: "btn btn-link", onclick: () => show(row.version) }, `Version ${row.version}`),
          row.aliases.map((alias) => h("span", { class: `badge tone-${alias === "champion" ? "good" : "warn"}` }, alias === "champion" ? "Champion" : "Challenger")),
          row.demo && h("span", { class: "badge tone-odd" }, "Demonstration")),
        inCell(metrics.accuracy, metrics.intervals?.accuracy),
        inCell(metrics.balanced_accuracy, metrics.intervals?.balanced_accuracy),
        inCell(metrics.auroc, metrics.intervals?.auroc, 3),
        row.backbone, time(row.created_at),
        row.aliases.includes("champion") ? h("span", { class: "quiet" }, "serves")
          : h("button", { type: "button", class: "btn btn-sm btn-outline-secondary", onclick: () => promote(row) }, "Promote"),
      ];
    }));
}

/** Show a version, beside the one in the address if there is such a one. */
function show(version) {
  setParameter("version", version);
  const others = [...cards.keys()].filter((number) => number !== version);
  const against = others.includes(Number(parameter("against"))) ? Number(parameter("against")) : undefined;
  setParameter("against", against);
  fill(find("against"), h("option", { value: "" }, others.length ? "No other version" : "There is no other version"), others.map((number) => h("option", { value: number, selected: number === against }, `Version ${number}`)));
  find("against").disabled = !others.length;
  showVersions(spec, [version, against].filter(Boolean).map((number) => cards.get(number)));
}

async function showMoves(versions) {
  const place = find("moves");
  try {
    const { alias_moves: moves } = versions.length ? await get(`/api/model-info?classifier=${spec.name}`) : { alias_moves: [] };
    find("rollback").hidden = moves.filter(({ alias }) => alias === "champion").length < 2;
    fill(place, moves.length ? h("ol", { class: "moves" }, moves.map(move)) : empty("clock", "Nothing has served yet."));
  } catch (error) {
    fill(place, problem(error.message, { link: error.link }));
  }
}

const move = ({ alias, version, at, reason }) => h("li", {},
  h("b", {}, version ? `Version ${version} became ${alias}` : `No version is ${alias} any more`), h("span", { class: "quiet" }, time(at)), h("p", {}, reason));

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
find("against").addEventListener("change", () => {
  setParameter("against", find("against").value);
  show(Number(parameter("version")));
});
find("classifier").addEventListener("change", () => ["version", "against"].forEach((name) => setParameter(name, null)), { capture: true });
await pickClassifier(change);
