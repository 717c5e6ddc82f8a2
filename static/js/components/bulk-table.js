// The answers of a bulk prediction: the filters, and a table of a page of rows.
import { fill, find, findSelect, h, icon } from "../lib/dom.js";
import { badge } from "../lib/elements.js";
import { chance, count } from "../lib/format.js";
import { URGENT_FIRST, decisionOf, titleOf } from "../lib/labels.js";
import { openAnswer } from "./answer-dialog.js";

/** @typedef {{ decision: string, label: string }} Filter what is shown; "" for any */

/** The rows as they were drawn last: a row drawn earlier leads to answers that came later. @type {Api.ResultRow[]} */
let latest = [];

/**
 * A button for each decision that occurs, with how often, the most urgent first; and the classes.
 *
 * @param {Api.Classifier} spec
 * @param {Filter} filter
 * @param {(decision: string, label: string) => number} total how many rows there are
 * @param {(filter: Filter) => unknown} onFilter
 */
export function drawFilters(spec, { decision, label }, total, onFilter) {
  const occurring = URGENT_FIRST.filter((name) => name === decision || total(name, label));
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.decision : undefined;
  fill(find("decisions"), ["", ...occurring].map((name) => {
    const { tone, icon: symbol, title } = name ? decisionOf(name) : { tone: "idle", icon: "images", title: "All" };
    return h("button", { type: "button", class: `chip tone-${tone}`, "data-decision": name, "aria-pressed": String(name === decision),
      onclick: () => onFilter({ decision: name, label }) }, icon(symbol), title, h("b", {}, count(total(name, label))));
  }));
  if (focused !== undefined) /** @type {HTMLElement | null} */ (find("decisions").querySelector(`[data-decision="${focused}"]`))?.focus();
  const classes = spec.classes.filter(({ name }) => name === label || total(decision, name));
  fill(findSelect("by-class"), h("option", { value: "" }, "All classes"), classes.map(({ name, title }) =>
    h("option", { value: name, selected: name === label }, `${title} (${count(total(decision, name))})`)));
}

/**
 * Fill the table.
 *
 * @param {Api.ResultRow[]} rows
 * @param {Api.Classifier} spec
 * @param {Map<string, HTMLElement>} drawn rows that were drawn before: they are kept, so that their pictures do not flicker
 */
export function drawRows(rows, spec, drawn) {
  latest = rows;
  fill(find("rows"), rows.map((row) => {
    if (!row.id) return withoutAnswer(row);
    const element = drawn.get(row.id) ?? withAnswer(row, spec, () => openAnswer(row.id ?? "", () => spec, latest));
    drawn.set(row.id, element);
    return element;
  }));
}

/** @param {string} file */
function heading(file) {
  const end = file.lastIndexOf("/") + 1;
  return h("th", { scope: "row" }, end > 0 && h("small", {}, file.slice(0, end)), file.slice(end));
}

/** @param {Api.ResultRow} row */
const withoutAnswer = ({ file, error }) => h("tr", {}, h("td", {}, h("span", { class: "thumb" })), heading(file),
  h("td", { colspan: 3 }, badge(decisionOf(error ? "error" : "waiting")), error && ` ${error}`));

/** @param {Api.ResultRow} row @param {Api.Classifier} spec @param {() => unknown} onOpen */
function withAnswer({ id, file, decision = "", predicted_class: predicted, confidence = 0 }, spec, onOpen) {
  const picture = h("img", { class: "thumb", src: `/api/predictions/${id}/image?side=112`, alt: "", width: 56, height: 56, loading: "lazy" });
  return h("tr", { class: "answered" },
    h("td", {}, h("button", { type: "button", class: "thumb-button", "aria-label": `View ${file}`, onclick: onOpen }, picture)),
    heading(file), h("td", {}, badge(decisionOf(decision))), h("td", {}, titleOf(spec, predicted)), h("td", { class: "num" }, chance(confidence)));
}
