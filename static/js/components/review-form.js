// What reviewers say of an answer: the verdicts there are, and a form for one's own.
import { put, remove } from "../lib/api.js";
import { fill, h, icon } from "../lib/dom.js";
import { attempt, badge, smallButton } from "../lib/elements.js";
import { time } from "../lib/format.js";
import { titleOf } from "../lib/labels.js";

/** @type {Record<Api.Verdict, Style>} */
const VERDICTS = {
  right: { title: "Right", tone: "good", icon: "check-circle" },
  wrong: { title: "Wrong", tone: "bad", icon: "x-circle" },
  unsure: { title: "Unsure", tone: "warn", icon: "question-circle" },
  ungradable: { title: "Ungradable", tone: "idle", icon: "eye-slash" },
};

/** @param {Api.Review} review */
export const verdictBadge = ({ verdict }) => badge(VERDICTS[verdict]);

/**
 * Show the verdicts on an answer and ask for another one. `onChange` gets the answer with its verdicts.
 *
 * @param {Api.LoggedAnswer} answer
 * @param {Api.Classifier} spec
 * @param {(answer: Api.LoggedAnswer) => unknown} onChange
 */
export function reviewForm(answer, spec, onChange) {
  const place = h("section", { class: "panel review", "aria-label": "Review" });
  const problems = h("div", {});
  const needsName = document.body.dataset.auth !== "keys";
  const url = `/api/predictions/${answer.id}/review`;
  const name = h("input", { class: "form-control form-control-sm", id: "reviewer", maxlength: 80, value: remembered(), autocomplete: "name" });
  const note = h("textarea", { class: "form-control form-control-sm", id: "note", rows: 2, maxlength: 2000 });
  const label = h("select", { class: "form-select form-select-sm", id: "shown" }, h("option", { value: "" }, "not known"),
    ...spec.classes.filter((each) => each.name !== answer.predicted_class).map((each) => h("option", { value: each.name }, each.title)));

  /** @param {Api.Verdict} verdict */
  const give = (verdict) => attempt(problems, async () => {
    if (needsName) remember(name.value);
    const said = { verdict, label: verdict === "wrong" ? label.value : null, note: note.value, reviewer: needsName ? name.value : null };
    onChange(await put(url, said));
  });
  const withdraw = (/** @type {string} */ reviewer) => attempt(problems, async () =>
    onChange(await remove(needsName ? `${url}?reviewer=${encodeURIComponent(reviewer)}` : url)));

  fill(place, h("h2", { class: "small-title" }, "Review"), problems,
    h("ul", { class: "plain" }, ...answer.reviews.map((each) => h("li", {}, verdictBadge(each),
      ` ${each.reviewer}${each.label ? `: shows ${titleOf(spec, each.label)}` : ""} `, h("span", { class: "quiet" }, time(each.at)),
      isMine(each) && smallButton("Withdraw", () => withdraw(each.reviewer)), each.note && h("p", {}, each.note)))),
    needsName && field("reviewer", "Your name", name),
    field("shown", "If it is wrong, the image shows", label),
    field("note", "Note", note),
    h("div", { class: "chips", role: "group", "aria-label": "Your verdict" },
      .../** @type {[Api.Verdict, Style][]} */ (Object.entries(VERDICTS)).map(([verdict, { title, icon: symbol }]) =>
        smallButton([icon(symbol), ` ${title}`], () => give(verdict)))));
  return place;

  /** @param {Api.Review} review */
  function isMine({ reviewer }) {
    return needsName ? reviewer === (remembered() || "anybody") : reviewer === document.body.dataset.holder;
  }
}

/** @param {string} id @param {string} text @param {HTMLElement} input */
const field = (id, text, input) => h("div", { class: "field" }, h("label", { class: "form-label", for: id }, text), input);

const KEY = "fovea-reviewer";

function remembered() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return ""; // the browser keeps nothing
  }
}

/** @param {string} name */
function remember(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // the browser keeps nothing
  }
}
