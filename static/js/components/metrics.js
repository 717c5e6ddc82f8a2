// How good a model is, with how sure that is.
import { h } from "../lib/dom.js";
import { count, fixed, interval, percent } from "../lib/format.js";

const TITLES = { accuracy: "Accuracy", balanced_accuracy: "Balanced accuracy", auroc: "Area under ROC", macro_f1: "Mean F1" };

/** A headline figure with its 95 % interval, in words and as a line from 0 to 1. */
export function headline(metrics, name) {
  const pair = metrics.intervals?.[name];
  return h("div", { class: "headline" },
    h("span", { class: "headline-name" }, TITLES[name]),
    h("span", { class: "headline-value" }, name === "auroc" ? fixed(metrics[name], 3) : percent(metrics[name])),
    pair && h("span", { class: "range", vars: { "--low": pair[0], "--high": pair[1], "--at": metrics[name] } }),
    h("span", { class: "quiet" }, pair ? `95 % interval ${name === "auroc" ? `${fixed(pair[0], 3)} to ${fixed(pair[1], 3)}` : interval(pair)}` : "no interval"));
}

/** A proportion of its own, such as the sensitivity. */
export function proportion(title, value, pair) {
  return h("div", { class: "headline" },
    h("span", { class: "headline-name" }, title),
    h("span", { class: "headline-value" }, percent(value)),
    pair && h("span", { class: "range", vars: { "--low": pair[0], "--high": pair[1], "--at": value } }),
    h("span", { class: "quiet" }, pair ? `95 % interval ${interval(pair)}` : "no interval"));
}

/** A tile with a number and what it is. */
export function tile(name, value, detail = "") {
  return h("div", { class: "tile" }, h("span", { class: "tile-name" }, name), h("span", { class: "tile-value" }, value),
    h("span", { class: "quiet" }, detail));
}

/** A figure in one cell of a table, its interval below. */
export const inCell = (value, pair, digits) =>
  ({ number: [digits ? fixed(value, digits) : percent(value), pair && h("small", {}, digits ? `${fixed(pair[0], digits)} to ${fixed(pair[1], digits)}` : interval(pair))] });

/** A confusion matrix: rows are what the images show, columns what was answered, shaded by the share of the row.

    A click on a cell tells `onCell(row, column)`. */
export function confusion(matrix, titles, onCell) {
  return h("div", { class: "table-wrap" }, h("table", { class: "confusion" },
    h("caption", {}, "Rows: the truth. Columns: the answer. Choose a cell to see its images."),
    h("thead", {}, h("tr", {}, h("td"), titles.map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, matrix.map((row, i) => {
      const total = row.reduce((sum, value) => sum + value, 0);
      return h("tr", {}, h("th", { scope: "row" }, titles[i]), row.map((value, j) =>
        h("td", { class: i === j ? "right" : "wrong", vars: { "--share": total ? value / total : 0 }, title: total ? percent(value / total) : "" },
          h("button", { type: "button", onclick: () => onCell(i, j), "aria-label": `${titles[i]} answered as ${titles[j]}: ${count(value)}` }, count(value)))));
    }))));
}
