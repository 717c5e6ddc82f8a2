// Small pieces that every page uses: errors, notices, empty states, bars, tables, pictures.
import { ApiError } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { count } from "./format.js";

/** @typedef {{ retry?: () => unknown, link?: { href: string, text: string } }} WayOn with both, the button is for what may pass by itself */

/**
 * Do some work. If a call fails, say so in `place`, with a link or a button that tries again.
 *
 * @template Result
 * @param {Element} place
 * @param {() => Result | Promise<Result>} work
 * @param {WayOn} [wayOn] by default the button does the same work again
 * @returns {Promise<Result | undefined>}
 */
export async function attempt(place, work, wayOn = { retry: () => attempt(place, work) }) {
  try {
    return await work();
  } catch (error) {
    showProblem(place, error, wayOn);
    return undefined;
  }
}

/**
 * Say what went wrong in `place`. An error in a script is no message for people: it goes on to the console.
 *
 * @param {Element} place
 * @param {unknown} error
 * @param {WayOn} [wayOn]
 */
export function showProblem(place, error, { retry, link } = {}) {
  if (!(error instanceof ApiError)) throw error;
  const again = retry && (error.isTransient || !link) ? () => (fill(place), retry()) : undefined;
  fill(place, problem(error.message, { retry: again, link: error.link ?? (again ? undefined : link) }));
}

/**
 * An error in a sentence, with a way on.
 *
 * @param {string} sentence
 * @param {WayOn} [wayOn]
 */
export function problem(sentence, { retry, link } = {}) {
  const action = link
    ? h("a", { class: "btn btn-sm btn-outline-danger", href: link.href }, link.text)
    : retry && h("button", { type: "button", class: "btn btn-sm btn-outline-danger", onclick: retry }, "Try again");
  return h("div", { class: "alert alert-danger problem", role: "alert" }, icon("exclamation-circle"), h("p", {}, sentence), action);
}

/**
 * An empty state: what is missing and what to do.
 *
 * @param {string} name of the icon
 * @param {...Child} text
 */
export const empty = (name, ...text) => h("div", { class: "empty" }, icon(name), h("p", {}, ...text));

/** @param {...Child} text */
export const notice = (...text) => h("p", { class: "notice" }, icon("info-circle"), h("span", {}, ...text));

/**
 * A state in a line: an icon, a sentence and, perhaps, what to do.
 *
 * @param {Finding} finding
 * @param {Child} [action]
 */
export const findingLine = ({ tone, icon: name, text }, action) =>
  h("div", { class: `finding tone-${tone}` }, icon(name), h("span", {}, text), action);

/** @param {Style} style */
export const badge = ({ tone, icon: name, title }) => h("span", { class: `badge tone-${tone}` }, icon(name), title);

/**
 * A small button beside others.
 *
 * @param {Child} text
 * @param {(event: Event) => unknown} onclick
 * @param {Properties} [properties]
 */
export const smallButton = (text, onclick, properties = {}) =>
  h("button", { type: "button", class: "btn btn-sm btn-outline-secondary", onclick, ...properties }, text);

/**
 * Labelled bars.
 *
 * @param {{ label: string, value: number, text: string, tone?: Api.Tone, mark?: number }[]} rows values and marks from 0 to 1
 * @param {string} label
 */
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

/**
 * A table.
 *
 * @param {string} caption
 * @param {(string | { number: string })[]} heads
 * @param {Cell[][]} rows
 */
export function table(caption, heads, rows) {
  // It may be wider than a telephone: with the focus on it, the keyboard moves it.
  return h("div", { class: "table-wrap", tabindex: 0, role: "group", "aria-label": caption },
    h("table", { class: "table" },
      h("caption", { class: "visually-hidden" }, caption),
      h("thead", {}, h("tr", {}, heads.map((head) =>
        typeof head === "string" ? h("th", { scope: "col" }, head) : h("th", { scope: "col", class: "num" }, head.number)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell) =>
        isNumber(cell) ? h("td", { class: "num" }, cell.number) : h("td", {}, cell)))))));
}

/**
 * @param {Cell} cell
 * @returns {cell is { number: Child }}
 */
const isNumber = (cell) => typeof cell === "object" && cell !== null && "number" in cell;

/**
 * A picture with its caption.
 *
 * @param {string} source
 * @param {string} caption
 * @param {...Child} children below the caption
 */
export function picture(source, caption, ...children) {
  return h("figure", { class: "picture" }, thumbnail(source, caption), h("figcaption", { title: caption }, caption), ...children);
}

/**
 * @param {string} source
 * @param {string} alt
 * @param {Properties} [properties]
 */
export const thumbnail = (source, alt, properties = {}) => h("img", { src: source, alt, width: 96, height: 96, loading: "lazy", ...properties });

/**
 * Pictures in rows: the first `most`, and a button that shows the others.
 *
 * @param {HTMLElement[]} pictures
 * @param {number} most
 */
export const gallery = (pictures, most) => expandable(h("div", { class: "strip" }), pictures, most);

/**
 * Put the first `most` items into a list, and a button behind it that adds the others.
 *
 * @param {HTMLElement} list
 * @param {HTMLElement[]} items
 * @param {number} most
 */
export function expandable(list, items, most) {
  const others = items.slice(most);
  list.append(...items.slice(0, most));
  if (!others.length) return list;
  const more = smallButton(`Show ${count(others.length)} more`, () => (list.append(...others), more.remove()));
  return h("div", {}, list, more);
}
