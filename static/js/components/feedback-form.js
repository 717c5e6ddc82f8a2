// Whether an answer was right, as people say it.
import { post, remove } from "../lib/api.js";
import { fill, h, icon } from "../lib/dom.js";
import { attempt, smallButton } from "../lib/elements.js";
import { namesNoClass, titleOf } from "../lib/labels.js";

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
