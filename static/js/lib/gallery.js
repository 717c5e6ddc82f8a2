// Small pictures with a line below each.
import { h } from "./dom.js";
import { count } from "./format.js";

/** One picture with its caption; `children` come below it. */
export function picture(source, caption, ...children) {
  return h("figure", { class: "picture" }, h("img", { src: source, alt: caption, width: 96, height: 96, loading: "lazy" }),
    h("figcaption", { title: caption }, caption), ...children);
}

/** Pictures in a row that wraps: the first `most`, and a button that shows the others. */
export function strip(pictures, most) {
  const row = h("div", { class: "strip" }, pictures.slice(0, most));
  const others = pictures.slice(most);
  if (!others.length) return row;
  const more = h("button", { type: "button", class: "btn btn-sm btn-outline-secondary", onclick: () => (row.append(...others), more.remove()) },
    `Show ${count(others.length)} more`);
  return h("div", {}, row, more);
}
