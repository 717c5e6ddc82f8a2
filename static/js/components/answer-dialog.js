// One answer of a list, large, and a way to the ones beside it.
import { answerCard } from "./answer.js";
import { fill, find, h, icon } from "../lib/dom.js";

/** Show the answer `chosen` of the answers in `rows`, by its id, in a dialog. */
export function openAnswer(chosen, spec, rows) {
  const dialog = find("answer-dialog");
  const answered = rows.filter(({ id }) => id);
  show(answered.findIndex(({ id }) => id === chosen));
  dialog.showModal();

  function show(index) {
    const step = (by, text, name) => h("button", { type: "button", class: "btn btn-outline-secondary", "data-by": by, disabled: !answered[index + by],
      onclick: () => go(index + by, by) }, icon(name), text);
    fill(dialog,
      h("div", { class: "dialog-head" }, step(-1, "Previous", "chevron-left"), step(1, "Next", "chevron-right"),
        h("button", { type: "button", class: "btn-close", "aria-label": "Close", onclick: () => dialog.close() })),
      h("div", { class: "answers" }, answerCard(answered[index], spec, { source: `/api/predictions/${answered[index].id}/image`, name: answered[index].file })));
  }

  function go(index, by) {
    show(index);
    const buttons = [...dialog.querySelectorAll("[data-by]")];
    (buttons.find((button) => button.dataset.by === String(by) && !button.disabled) ?? buttons.find((button) => !button.disabled)).focus();
  }
}
