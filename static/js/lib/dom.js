// Building, finding and filling elements.

const SVG = "http://www.w3.org/2000/svg";
const SHEET = "/assets/icons.svg";

/**
 * Make an element: attributes, `on<event>` listeners, `vars` for CSS custom properties, then children.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (typeof value === "object") setVariables(element, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...present(children));
  return element;
}

/**
 * Make one of Bootstrap's icons. It stands beside words, so it is hidden from screen readers.
 *
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  for (const [key, value] of Object.entries({ class: "icon", width: "16", height: "16", "aria-hidden": "true" })) svg.setAttribute(key, value);
  use.setAttribute("href", `${SHEET}#${name}`);
  svg.append(use);
  return svg;
}

/**
 * Find the element with an id; `kind` says which sort it must be.
 *
 * @overload
 * @param {string} id
 * @returns {HTMLElement}
 */
/**
 * @template {HTMLElement} Kind
 * @overload
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
/**
 * @param {string} id
 * @param {new () => HTMLElement} [kind]
 */
export function find(id, kind = HTMLElement) {
  const element = document.getElementById(id);
  if (element instanceof kind) return element;
  throw new Error(`The page has no ${kind.name} with the id ${id}.`);
}

/** @param {string} id */
export const findInput = (id) => find(id, HTMLInputElement);
/** @param {string} id */
export const findSelect = (id) => find(id, HTMLSelectElement);
/** @param {string} id */
export const findButton = (id) => find(id, HTMLButtonElement);
/** @param {string} id */
export const findLink = (id) => find(id, HTMLAnchorElement);

/** Show the parts of the page that wait until the parts above them have their size, so that nothing moves. */
export function settle() {
  for (const part of document.querySelectorAll("[data-waits]")) part.removeAttribute("data-waits");
}

/**
 * Replace the children of an element.
 *
 * @template {Element} Kind
 * @param {Kind} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
  return element;
}

/**
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
function present(children) {
  return children.flatMap((child) => {
    if (Array.isArray(child)) return present(child);
    return child === undefined || child === null || child === false ? [] : [child];
  });
}

/**
 * @param {HTMLElement} element
 * @param {Record<string, string | number>} values
 */
function setVariables(element, values) {
  for (const [name, value] of Object.entries(values)) element.style.setProperty(name, String(value));
}
