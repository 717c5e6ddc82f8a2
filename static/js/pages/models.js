// Models: the versions, their metrics, and which one serves.
import { showChallenger, watchChallenger } from "../components/challenger.js";
import { pickClassifier } from "../components/classifier-picker.js";
import { metricCell } from "../lib/metrics.js";
import { showVersions } from "../components/version.js";
import { address, parameter, setParameter } from "../lib/address.js";
import { get, post, remove } from "../lib/api.js";
import { fill, find, findInput, findSelect, h, settle } from "../lib/dom.js";
import { attempt, empty, showProblem, smallButton, table } from "../lib/elements.js";
import { time } from "../lib/format.js";

const SHOWN = 20;
/** @type {Partial<Api.Metrics>} of a version whose card cannot be read */
const NO_METRICS = {};
/** @type {Api.Classifier} */
let spec;
/** @type {Map<number, Api.Card>} by version */
let cards = new Map();

/** @param {Api.Classifier} chosen */
async function change(chosen) {
  spec = chosen;
  fill(find("problems"));
  try {
    await Promise.all([showList(chosen), showChallenger(chosen)]);
  } catch (error) {
    find("detail").hidden = true;
    showProblem(find("problems"), error, { retry: () => change(chosen) });
  }
  settle();
}

/** @param {Api.Classifier} chosen */
async function showList(chosen) {
  /** @type {Api.Version[]} */
  const versions = (await get(address("/api/models", { classifier: chosen.name }))).slice(0, SHOWN);
  /** @type {Api.Card[]} */
  const found = await Promise.all(versions.filter(isReadable).map(({ version }) => get(`/api/models/${chosen.name}/${version}`)));
  if (chosen !== spec) return;
  cards = new Map(found.map((card) => [card.version, card]));
  fill(find("versions"), versions.length ? list(versions)
    : empty("layers", "No versions yet. ", h("a", { href: address("/data", { classifier: chosen.name }) }, "Add images"), ", then train one."));
  const moves = showMoves(chosen, versions.length > 0);
  const wanted = Number(parameter("version"));
  const readable = versions.filter(isReadable);
  const first = readable.find(isChampion) ?? readable[0];
  find("detail").hidden = !first;
  if (first) show(cards.has(wanted) ? wanted : first.version);
  await moves;
}

/** @param {Api.Version} row */
const isChampion = ({ aliases }) => aliases.includes("champion");

/** Whether its card can be shown; other files may be missing. @param {Api.Version} row */
const isReadable = ({ backbone }) => backbone !== null;

/** @param {Api.Version} row @returns {Child} */
const actions = (row) => (isChampion(row) ? h("span", { class: "quiet" }, "Serving")
  : [!row.problem && smallButton("Promote", () => promote(row)), " ", !row.aliases.length && smallButton("Delete", () => erase(row))]);

/** @param {Api.Version[]} versions */
function list(versions) {
  return table("Versions, newest first", ["Version", { number: "Accuracy" }, { number: "Balanced accuracy" }, { number: "ROC area" }, "Network", "Created", "Serving"],
    versions.map((row) => {
      const { accuracy, balanced_accuracy: balanced, auroc, intervals } = cards.get(row.version)?.metrics ?? NO_METRICS;
      const title = `Version ${row.version}`;
      return [
        h("span", { class: "version" }, isReadable(row) ? h("button", { type: "button", class: "btn btn-link", onclick: () => show(row.version) }, title) : title,
          row.aliases.map((alias) => h("span", { class: `badge tone-${alias === "champion" ? "good" : "warn"}` }, alias === "champion" ? "Champion" : "Challenger")),
          row.demo && h("span", { class: "badge tone-odd" }, "Demonstration"), row.problem && h("p", { class: "quiet" }, row.problem)),
        metricCell(accuracy, intervals?.accuracy), metricCell(balanced, intervals?.balanced_accuracy), metricCell(auroc, intervals?.auroc, 3),
        row.backbone ?? "", time(row.created_at),
        actions(row),
      ];
    }));
}

/** Show a version, beside the one in the address if there is such a one. @param {number} version */
function show(version) {
  setParameter("version", version);
  const others = [...cards.keys()].filter((number) => number !== version);
  const against = others.find((number) => number === Number(parameter("against")));
  setParameter("against", against);
  const select = findSelect("against");
  fill(select, h("option", { value: "" }, others.length ? "None" : "No other version"), others.map((number) => h("option", { value: number, selected: number === against }, `Version ${number}`)));
  select.disabled = !others.length;
  showVersions(spec, [version, against].flatMap((number) => (number && cards.get(number)) || []));
}

/** @param {Api.Classifier} chosen @param {boolean} hasVersions */
function showMoves(chosen, hasVersions) {
  const place = find("moves");
  return attempt(place, async () => {
    /** @type {Pick<Api.ModelInfo, "alias_moves">} */
    const { alias_moves: moves } = hasVersions ? await get(address("/api/model-info", { classifier: chosen.name })) : { alias_moves: [] };
    if (chosen !== spec) return;
    find("rollback").hidden = moves.filter(({ alias }) => alias === "champion").length < 2;
    fill(place, moves.length ? h("ol", { class: "moves" }, moves.map(move)) : empty("clock", "No version has served yet."));
  });
}

/** @param {Api.AliasMove} move */
const move = ({ alias, version, at, reason, actor }) => h("li", {},
  h("b", {}, alias === "removed" ? `Version ${version} was deleted` : version ? `Version ${version} became ${alias}` : `Removed the ${alias}`), h("span", { class: "quiet" }, time(at), actor ? ` by ${actor}` : ""), h("p", {}, reason));

/**
 * Ask for a reason, then make the call and show what changed.
 *
 * @param {{ title: string, text: string, verb: string, send: (reason: string) => Promise<unknown> }} wanted
 */
async function decide({ title, text, verb, send }) {
  const dialog = find("reason-dialog", HTMLDialogElement);
  const reason = findInput("reason");
  find("reason-title").textContent = title;
  find("reason-text").textContent = text;
  find("reason-yes").textContent = verb;
  reason.value = dialog.returnValue = "";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  if (dialog.returnValue !== "yes") return;
  fill(find("problems"));
  await attempt(find("problems"), async () => {
    await send(reason.value);
    await change(spec);
  }, {});
}

/** @param {Api.Version} row */
const promote = ({ version }) => decide({ title: `Promote version ${version}?`, text: "It will answer every request. You can roll back later.", verb: "Promote",
  send: (reason) => post(`/api/models/${spec.name}/${version}/promote`, { reason }) });
/** @param {Api.Version} row */
const erase = ({ version }) => decide({ title: `Delete version ${version}?`, text: "Its files are deleted for good. Its answers stay in the log.", verb: "Delete",
  send: (reason) => remove(address(`/api/models/${spec.name}/${version}`, { reason })) });
const rollBack = () => decide({ title: "Roll back?", text: "The previous champion will answer every request again.", verb: "Roll back",
  send: (reason) => post(`/api/models/${spec.name}/rollback`, { reason }) });

find("rollback").addEventListener("click", rollBack);
find("against").addEventListener("change", () => {
  setParameter("against", findSelect("against").value);
  show(Number(parameter("version")));
});
find("classifier").addEventListener("change", () => ["version", "against"].forEach((name) => setParameter(name, null)), { capture: true });
await pickClassifier(change);
watchChallenger();
