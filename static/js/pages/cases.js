// Cases: answers are found again, looked at and reviewed. The search and the open answer are in the address.
import { openAnswer } from "../components/answer-dialog.js";
import { reviewForm, verdictBadge } from "../components/review-form.js";
import { address, parameter, setParameter } from "../lib/address.js";
import { call, get } from "../lib/api.js";
import { fill, find, findButton, h, settle } from "../lib/dom.js";
import { attempt, badge, table } from "../lib/elements.js";
import { fixed, plural, time } from "../lib/format.js";
import { URGENT_FIRST, decisionOf, namesNoClass, titleOf } from "../lib/labels.js";

const FIELDS = /** @type {const} */ (["q", "classifier", "decision", "reviewed", "since", "until"]);
const VERDICTS = /** @type {const} */ (["right", "wrong", "unsure", "ungradable"]);
const WAIT = 300; // milliseconds after the last key before a search
/** @type {Map<string, Api.Classifier>} */
let specs = new Map();
/** @type {Api.LoggedAnswer[]} */
let shown = [];
/** @type {string | null} */
let cursor = null;
let search = 0;

/** @param {boolean} goesOn */
async function load(goesOn) {
  const mine = ++search;
  await attempt(find("problems"), async () => {
    const query = Object.fromEntries(FIELDS.map((name) => [name, valueOf(name)]));
    const { data, next } = await call("GET", address("/api/predictions", { ...query, cursor: goesOn ? cursor : null }));
    if (mine !== search) return; // another search began meanwhile
    shown = goesOn ? [...shown, ...data] : data;
    cursor = next;
    draw();
  });
  settle();
}

function draw() {
  fill(find("problems"));
  fill(find("rows"), ...shown.map(row));
  find("empty").hidden = shown.length > 0;
  find("count").textContent = shown.length ? `${plural(shown.length, "answer")}${cursor ? ", and more" : ""}` : "";
  find("more").hidden = !cursor;
}

/** @param {Api.LoggedAnswer} answer */
function row(answer) {
  const spec = specs.get(answer.classifier);
  const file = answer.filename ?? "unnamed";
  const open = h("button", { type: "button", class: "thumb-button", "aria-label": `View ${file}`, onclick: () => show(answer.id) },
    h("img", { class: "thumb", src: `/api/predictions/${answer.id}/image?side=112`, alt: "", width: 56, height: 56, loading: "lazy" }));
  return h("tr", { class: "answered" }, h("td", {}, open), h("td", {}, file, answer.patient && h("p", { class: "quiet" }, `${answer.patient} ${answer.eye ?? ""}`)),
    h("td", {}, spec?.title ?? answer.classifier), h("td", {}, badge(decisionOf(answer.decision))),
    h("td", {}, namesNoClass(answer.decision) ? "" : titleOf(spec, answer.predicted_class)),
    h("td", {}, ...answer.reviews.map(verdictBadge)), h("td", {}, time(answer.timestamp)));
}

/** @param {string} id */
function show(id) {
  setParameter("answer", id);
  const rows = shown.some((each) => each.id === id) ? shown : [{ id, filename: null }];
  openAnswer(id, (answer) => specs.get(answer.classifier), rows.map((each) => ({ id: each.id, file: each.filename ?? "unnamed" })), {
    onShow: (opened) => setParameter("answer", opened),
    more: (answer, spec, redraw) => reviewForm(answer, spec, (changed) => {
      shown = shown.map((each) => (each.id === changed.id ? changed : each));
      draw();
      redraw(changed);
      drawReviewers();
    }),
  });
}

async function drawReviewers() {
  await attempt(find("problems"), async () => {
    /** @type {Api.ReviewSummary} */
    const { reviewers, agreement } = await get(address("/api/reviews", { classifier: valueOf("classifier") }));
    const names = Object.keys(reviewers);
    find("reviewers").hidden = names.length === 0;
    fill(find("reviewers"), h("h2", { class: "small-title" }, "Reviewers"),
      table("Verdicts of each reviewer", ["Reviewer", ...["Right", "Wrong", "Unsure", "Ungradable"].map((number) => ({ number }))],
        names.map((name) => [name, ...VERDICTS.map((verdict) => ({ number: String(reviewers[name][verdict] ?? 0) }))])),
      agreement.length > 0 && table("Agreement of two reviewers", ["Reviewers", { number: "Both reviewed" }, { number: "Same verdict" }, { number: "Cohen's kappa" }],
        agreement.map(({ reviewers: pair, n, same, kappa }) => [pair.join(" and "), { number: String(n) }, { number: String(same) }, { number: kappa === null ? "undefined" : fixed(kappa) }])));
  });
}

/** @param {string} name */
const valueOf = (name) => /** @type {HTMLInputElement | HTMLSelectElement} */ (find(name)).value;

function searchAgain() {
  for (const name of FIELDS) setParameter(name, valueOf(name));
  load(false);
  drawReviewers();
}

await attempt(find("problems"), async () => {
  /** @type {Api.Classifier[]} */
  const found = await get("/api/classifiers");
  specs = new Map(found.map((spec) => [spec.name, spec]));
}, { retry: () => location.reload() });
const decisions = URGENT_FIRST.filter((name) => !["error", "waiting"].includes(name)); // those are no answers
find("decision").append(...decisions.map((name) => h("option", { value: name }, decisionOf(name).title)));
for (const name of FIELDS) /** @type {HTMLInputElement} */ (find(name)).value = parameter(name) ?? "";
let timer = 0;
find("search").addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(searchAgain, WAIT);
});
find("search").addEventListener("submit", (event) => (event.preventDefault(), searchAgain()));
findButton("more").addEventListener("click", () => load(true));
find("answer-dialog").addEventListener("close", () => setParameter("answer", null));
await load(false);
await drawReviewers();
const wanted = parameter("answer");
if (wanted) show(wanted);
