// Feedback on answers, until somebody confirms it.
import { address } from "../lib/address.js";
import { get, post, remove } from "../lib/api.js";
import { fill, find, h, icon } from "../lib/dom.js";
import { attempt, empty, expandable, smallButton, thumbnail } from "../lib/elements.js";
import { chance, plural, time } from "../lib/format.js";
import { titleOf } from "../lib/labels.js";

const [ASKED, SHOWN] = [24, 6];

/**
 * Show the feedback on a classifier's answers; `onAccepted` is told when an image joined the dataset.
 *
 * @param {Api.Classifier} spec
 * @param {(spec: Api.Classifier) => boolean} isCurrent
 * @param {(spec: Api.Classifier) => unknown} onAccepted
 */
export function showFeedback(spec, isCurrent, onAccepted) {
  const place = find("feedback");
  return attempt(place, async () => {
    /** @type {Api.WaitingFeedback} */
    const { waiting, predictions } = await get(address("/api/feedback", { classifier: spec.name, limit: ASKED }));
    if (!isCurrent(spec)) return;
    const total = waiting[spec.name] ?? 0;
    fill(place, total
      ? [h("p", { class: "quiet" }, `Feedback on ${plural(total, "answer")}. Confirm a label to add its image to the dataset.`),
        expandable(h("ul", { class: "recent judged" }), predictions.map((row) => item(row, spec, onAccepted)), SHOWN)]
      : empty("check-circle", "No feedback to review. Give feedback on an answer on the ", h("a", { href: address("/predict", { classifier: spec.name }) }, "Predict page"), "."));
  });
}

/** @param {Api.LoggedAnswer} row @param {Api.Classifier} spec @param {(spec: Api.Classifier) => unknown} onAccepted */
function item(row, spec, onAccepted) {
  const label = row.feedback?.label;
  const place = h("div", { class: "feedback-actions" });
  const decide = (/** @type {() => Promise<unknown>} */ call, /** @type {string} */ done) => () => attempt(place, async () => {
    await call();
    fill(place, h("span", { role: "status" }, icon("check-circle"), ` ${done}`));
    onAccepted(spec);
  });
  const url = `/api/predictions/${row.id}/feedback`;
  fill(place,
    h("button", { type: "button", class: "btn btn-sm btn-primary", onclick: decide(() => post(`${url}/accept`), "Added to the dataset.") }, `Add as ${titleOf(spec, label)}`),
    smallButton("Discard", decide(() => remove(url), "Discarded.")));
  return h("li", {}, thumbnail(`/api/predictions/${row.id}/image?side=144`, row.filename ?? ""),
    h("div", {}, h("b", {}, titleOf(spec, label)), h("br"),
      h("span", { class: "quiet" }, label === row.predicted_class ? "same as predicted" : `predicted: ${titleOf(spec, row.predicted_class)}`, `, ${chance(row.confidence, 0)}`), h("br"),
      row.feedback && h("span", { class: "quiet" }, time(row.feedback.at)), place));
}
