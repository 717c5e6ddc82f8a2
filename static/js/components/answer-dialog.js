// One answer of a list in a dialog, with a way to the ones beside it.
import { get } from "../lib/api.js";
import { fill, find, h, icon } from "../lib/dom.js";
import { attempt } from "../lib/elements.js";
import { answerCard } from "./answer.js";

/**
 * @typedef {object} Extras
 * @property {(id: string) => unknown} [onShow] called with each answer that is shown
 * @property {(answer: Api.LoggedAnswer, spec: Api.Classifier, redraw: (answer: Api.LoggedAnswer) => unknown) => HTMLElement} [more] what stands below it
 */

/**
 * Show an answer in the dialog.
 *
 * @param {string} chosen its id
 * @param {(answer: Api.LoggedAnswer) => Api.Classifier | undefined} specOf
 * @param {Api.ResultRow[]} rows the list; those without an answer are passed over
 * @param {Extras} [extras]
 */
export function openAnswer(chosen, specOf, rows, { onShow, more } = {}) {
  const dialog = find("answer-dialog", HTMLDialogElement);
  const answered = rows.filter(({ id }) => id);
  const body = h("div", { class: "answers" });
  let shown = -1;
  show(answered.findIndex(({ id }) => id === chosen));
  dialog.showModal();

  /** @param {number} index */
  function show(index) {
    shown = index;
    const step = (/** @type {number} */ by, /** @type {string} */ text, /** @type {string} */ name) =>
      h("button", { type: "button", class: "btn btn-outline-secondary", "data-by": by, disabled: !answered[index + by], onclick: () => go(index + by, by) }, icon(name), text);
    fill(dialog, h("div", { class: "dialog-head" }, step(-1, "Previous", "chevron-left"), step(1, "Next", "chevron-right"),
      h("button", { type: "button", class: "btn-close", "aria-label": "Close", onclick: () => dialog.close() })), body);
    const { id = "", file } = answered[index];
    onShow?.(id);
    // The log knows what people have said of the answer since.
    attempt(body, async () => {
      const answer = await get(`/api/predictions/${id}`);
      if (shown === index) draw(answer, file);
    });
  }

  /** @param {Api.LoggedAnswer} answer @param {string} file @returns {void} */
  function draw(answer, file) {
    const spec = specOf(answer);
    const gone = () => h("p", {}, `The classifier ${answer.classifier} no longer exists.`);
    const card = (/** @type {Api.Classifier} */ of) => answerCard(answer, of, { source: `/api/predictions/${answer.id}/image`, name: answer.filename ?? file });
    fill(body, spec ? card(spec) : gone(), spec && more?.(answer, spec, (changed) => draw(changed, file)));
  }

  /** @param {number} index @param {number} by */
  function go(index, by) {
    show(index);
    const buttons = /** @type {HTMLButtonElement[]} */ ([...dialog.querySelectorAll("[data-by]")]).filter(({ disabled }) => !disabled);
    (buttons.find((button) => button.dataset.by === String(by)) ?? buttons[0])?.focus();
  }
}
