// What people said images show, until somebody confirms it.
import { get, post, remove } from "../lib/api.js";
import { empty, fill, find, h, icon, problem, showProblem } from "../lib/dom.js";
import { chance, plural, time } from "../lib/format.js";
import { titleOf } from "../lib/labels.js";

const [ASKED, SHOWN] = [24, 6];

/** Show the corrections of a classifier's answers; `onAccepted(spec)` is told when one joined the dataset. */
export async function showFeedback(spec, isCurrent, onAccepted) {
  const place = find("feedback");
  try {
    const { waiting, predictions } = await get(`/api/feedback?classifier=${spec.name}&limit=${ASKED}`);
    if (!isCurrent(spec)) return;
    const total = waiting[spec.name] ?? 0;
    fill(place, total
      ? [h("p", { class: "quiet" }, `${plural(total, "answer")} that people judged. Confirm a label and its image joins the dataset.`),
        list(predictions.map((row) => item(row, spec, onAccepted)))]
      : empty("check-circle", "Nothing waits. When somebody says on ", h("a", { href: `/predict?classifier=${spec.name}` }, "Predict"), " whether an answer was right, it comes here."));
  } catch (error) {
    showProblem(place, error, { retry: () => showFeedback(spec, isCurrent, onAccepted) });
  }
}

/** The first few, and a button that shows the others. */
function list(items) {
  const [first, others] = [h("ul", { class: "recent judged" }, items.slice(0, SHOWN)), items.slice(SHOWN)];
  const more = h("button", { type: "button", class: "btn btn-sm btn-outline-secondary show-more", onclick: () => (first.append(...others), more.remove()) }, `Show ${others.length} more`);
  return others.length ? [first, more] : first;
}

function item(row, spec, onAccepted) {
  const said = titleOf(spec, row.feedback.label);
  const right = row.feedback.label === row.predicted_class;
  const place = h("div", { class: "feedback-actions" });
  const decide = (call, word) => async () => {
    try {
      await call();
      fill(place, h("span", { role: "status" }, icon("check-circle"), ` ${word}`));
      onAccepted(spec);
    } catch (error) {
      fill(place, problem(error.message));
    }
  };
  const url = `/api/predictions/${row.id}/feedback`;
  fill(place,
    h("button", { type: "button", class: "btn btn-sm btn-primary", onclick: decide(() => post(`${url}/accept`), "Added to the dataset.") }, "Add as ", said),
    h("button", { type: "button", class: "btn btn-sm btn-outline-secondary", onclick: decide(() => remove(url), "Discarded.") }, "Discard"));
  return h("li", {}, h("img", { src: `/api/predictions/${row.id}/image?side=144`, alt: row.filename ?? "", width: 96, height: 96, loading: "lazy" }),
    h("div", {}, h("b", {}, said), h("br"),
      h("span", { class: "quiet" }, right ? "as answered" : `answered: ${titleOf(spec, row.predicted_class)}`, `, ${chance(row.confidence, 0)}`), h("br"),
      h("span", { class: "quiet" }, time(row.feedback.at)), place));
}
