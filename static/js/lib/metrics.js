// How good a model is, and how uncertain that is.
import { h } from "./dom.js";
import { count, fixed, interval, percent } from "./format.js";

const TITLES = { accuracy: "Accuracy", balanced_accuracy: "Balanced accuracy", auroc: "Area under ROC", macro_f1: "Mean F1", quadratic_kappa: "Quadratic weighted kappa" };
const FEW = 30; // test images; below, the interval is too wide to tell models apart

/** A metric of a whole model. @param {Api.Metrics} metrics @param {Api.MetricName} name */
export const headline = (metrics, name) =>
  proportion(TITLES[name], metrics[name], metrics.intervals?.[name], name === "auroc" || name === "quadratic_kappa" ? 3 : undefined);

/**
 * A proportion with its 95 % interval, in words and as a line from 0 to 1.
 *
 * @param {string} title
 * @param {number | undefined} value
 * @param {Api.Interval} [pair]
 * @param {number} [digits] as a number with so many digits instead of a percentage
 */
export function proportion(title, value, pair, digits) {
  return h("div", { class: "headline" },
    h("span", { class: "headline-name" }, title),
    h("span", { class: "headline-value" }, figure(value, digits)),
    pair && h("span", { class: "range", vars: { "--low": Math.max(pair[0], 0), "--high": pair[1], "--at": Math.max(value ?? 0, 0) } }),
    h("span", { class: "quiet" }, pair ? `95 % interval ${range(pair, digits)}` : "no interval"));
}

/** On how many images a model was tested, with a warning where they are few. @param {number} n */
export const tested = (n) => (n < FEW
  ? h("span", { class: "badge tone-warn" }, `Only ${count(n)} test ${n === 1 ? "image" : "images"}`)
  : h("span", { class: "quiet" }, `${count(n)} test images`));

/** A tile with a number and what it is. @param {string} name @param {string} value @param {string} [detail] */
export const tile = (name, value, detail = "") =>
  h("div", { class: "tile" }, h("span", { class: "tile-name" }, name), h("span", { class: "tile-value" }, value), h("span", { class: "quiet" }, detail));

/** A metric in a cell of a table, its interval below. @param {number | undefined} value @param {Api.Interval} [pair] @param {number} [digits] */
export const metricCell = (value, pair, digits) => ({ number: [figure(value, digits), pair && h("small", {}, range(pair, digits))] });

/** @param {number | undefined} value @param {number} [digits] */
const figure = (value, digits) => (digits ? fixed(value, digits) : percent(value));
/** @param {Api.Interval} pair @param {number} [digits] */
const range = (pair, digits) => (digits ? `${fixed(pair[0], digits)} to ${fixed(pair[1], digits)}` : interval(pair));

/**
 * A confusion matrix: rows are the labels, columns the predictions, shaded by the share of the row.
 *
 * @param {number[][]} matrix
 * @param {string[]} titles
 * @param {(row: number, column: number) => unknown} onCell told of a click on a cell
 */
export function confusion(matrix, titles, onCell) {
  return h("div", { class: "table-wrap" }, h("table", { class: "confusion" },
    h("caption", {}, "Rows: label. Columns: prediction. Select a cell to see its images."),
    h("thead", {}, h("tr", {}, h("td"), titles.map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, matrix.map((row, i) => {
      const total = row.reduce((sum, value) => sum + value, 0);
      return h("tr", {}, h("th", { scope: "row" }, titles[i]), row.map((value, j) =>
        h("td", { class: i === j ? "right" : "wrong", vars: { "--share": total ? value / total : 0 }, title: total ? percent(value / total) : "" },
          h("button", { type: "button", onclick: () => onCell(i, j), "aria-label": `${titles[i]} predicted as ${titles[j]}: ${count(value)}` }, count(value)))));
    }))));
}
