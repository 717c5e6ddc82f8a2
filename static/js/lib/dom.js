// Building and filling elements.

const SVG = "http://www.w3.org/2000/svg";
const SHEET = "/assets/icons.svg";

/** Make an element: attributes, `on<event>` listeners, `vars` for CSS custom properties, then children. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "vars") setVariables(element, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...present(children));
  return element;
}

/** Make one of Bootstrap's icons; beside words, so hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of [["class", "icon"], ["width", 16], ["height", 16], ["aria-hidden", "true"]]) {
    svg.setAttribute(key, value);
  }
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${SHEET}#${name}`);
  svg.append(use);
  return svg;
}

export const find = (id) => document.getElementById(id);

/** Show the parts of the page that wait until what stands above them has its size, so that nothing moves. */
export function settle() {
  for (const part of document.querySelectorAll("[data-waits]")) part.removeAttribute("data-waits");
}

/** Put new children in the place of the old ones. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
  return element;
}

/** Say an error in a sentence, with a way on: a link, or a button that tries again. */
export function showProblem(place, error, { retry, link } = {}) {
  fill(place, problem(error.message, { retry: retry && (() => (fill(place), retry())), link: link ?? error.link }));
}

export function problem(sentence, { retry, link } = {}) {
  const action = retry
    ? h("button", { type: "button", class: "btn btn-sm btn-outline-danger", onclick: retry }, "Try again")
    : link && h("a", { class: "btn btn-sm btn-outline-danger", href: link.href }, link.text);
  return h("div", { class: "alert alert-danger problem", role: "alert" }, icon("exclamation-circle"), h("p", {}, sentence), action);
}

/** An empty state: what is missing and what to do. */
export function empty(name, ...text) {
  return h("div", { class: "empty" }, icon(name), h("p", {}, ...text));
}

export const notice = (text) => h("p", { class: "notice" }, icon("info-circle"), text);

/** Labelled bars: rows of {label, value from 0 to 1, text, tone, mark}. */
export function bars(rows, label) {
  const lines = rows.map((row) =>
    h("li", { class: `bar ${row.tone ? `tone-${row.tone}` : ""}`, vars: { "--value": row.value || 0 } },
      h("span", { class: "bar-label" }, row.label),
      h("span", { class: "bar-text" }, row.text),
      h("span", { class: "bar-track" },
        h("span", { class: "bar-fill" }),
        row.mark !== undefined && h("span", { class: "bar-mark", vars: { "--mark": row.mark } }))));
  return h("ul", { class: "bars", "aria-label": label }, ...lines);
}

/** A table of rows of cells; a cell is text, a node, or {number: text}. */
export function table(caption, heads, rows) {
  const cell = (value) =>
    value && value.number !== undefined && !(value instanceof Node)
      ? h("td", { class: "num" }, value.number)
      : h("td", {}, value);
  // It may be wider than a telephone: focus lets the keyboard move it.
  return h("div", { class: "table-wrap", tabindex: 0, role: "group", "aria-label": caption },
    h("table", { class: "table" },
      h("caption", { class: "visually-hidden" }, caption),
      h("thead", {}, h("tr", {}, heads.map((head) =>
        typeof head === "string" ? h("th", { scope: "col" }, head) : h("th", { scope: "col", class: "num" }, head.number)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map(cell))))));
}

function present(children) {
  return children.flat(2).filter((child) => child !== undefined && child !== null && child !== false);
}

function setVariables(element, values) {
  for (const [name, value] of Object.entries(values)) element.style.setProperty(name, value);
}
