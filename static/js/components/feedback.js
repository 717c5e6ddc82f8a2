// Feedback on answers: whether one was right, as people say it, until somebody confirms it.
import { address } from "../lib/address.js";
import { get, post, remove } from "../lib/api.js";
import { fill, find, h, icon } from "../lib/dom.js";
import { attempt, empty, expandable, smallButton, thumbnail } from "../lib/elements.js";
import { chance, plural, time } from "../lib/format.js";
import { namesNoClass, titleOf } from "../lib/labels.js";

const [ASKED, SHOWN] = [24, 6];

/**
 * Ask whether an answer was right, or show what somebody said before. Nothing is asked of an answer that names no class.
 *
 * @param {Pick<Api.LoggedAnswer, "id" | "decision" | "predicted_class" | "feedback">} answer
 * @param {Api.Classifier} spec
 * @returns {HTMLElement | undefined}
 */
export function feedbackForm({ id, decision, predicted_class: predicted, feedback }, spec) {
  if (namesNoClass(decision) && !feedback) return undefined;
  const place = h("div", { class: "feedback", role: "group", "aria-label": "Is this correct?" });
  const url = `/api/predictions/${id}/feedback`;

  const ask = () => fill(place, h("span", {}, "Is this correct?"),
    smallButton([icon("hand-thumbs-up"), " Yes"], () => save(predicted)),
    smallButton([icon("hand-thumbs-down"), " No"], () => focusFirst(askWhich)));
  const askWhich = () => fill(place, h("span", {}, "What does the image show?"),
    spec.classes.filter(({ name }) => name !== predicted).map(({ name, title }) => smallButton(title, () => save(name))),
    smallButton("Cancel", () => focusFirst(ask)));
  /** @param {string} label */
  const thank = (label) => fill(place, icon("check-circle"), h("span", { role: "status" }, `Saved as ${titleOf(spec, label)}. Thank you.`),
    smallButton("Undo", withdraw));

  /** @param {string} label */
  const save = (label) => attempt(place, async () => {
    await post(url, { label });
    focusFirst(() => thank(label));
  });
  const withdraw = () => attempt(place, async () => {
    await remove(url);
    focusFirst(ask);
  });
  /** Draw, and keep the focus in the group: the button that had it is gone. @param {() => unknown} draw */
  const focusFirst = (draw) => {
    draw();
    place.querySelector("button")?.focus();
  };

  if (feedback) thank(feedback.label);
  else ask();
  return place;
}

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
