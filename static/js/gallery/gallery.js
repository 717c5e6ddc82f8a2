// The images of a dataset: filtered, page by page, and selected to be changed.
import { address } from "../lib/address.js";
import { get } from "../lib/api.js";
import { fill, find, findInput, findSelect, h } from "../lib/dom.js";
import { attempt, empty, picture } from "../lib/elements.js";
import { count } from "../lib/format.js";
import { titleOf } from "../lib/labels.js";
import { Selection } from "./selection.js";
import { HINT, listen, offerClasses, showSelected } from "./toolbar.js";

const PAGE = 16;
const MOST = 200; // images that are fetched again at once after a change
const PAUSE = 300; // milliseconds after a key before the search begins
const FILTERS = { label: "by-class", split: "given-split", used: "by-use", source: "by-source", sort: "sort" };
/** @type {Record<string, string>} */
const SPLITS = { train: "training", val: "validation", test: "test" };

/** @type {Api.Classifier} */
let spec;
let finding = "";
let shown = 0;
let total = 0;
/** @type {string | null} */
let cursor = null;
let asked = 0;
let scrolled = false;
const selection = new Selection(find("images"), showSelected);

/** Show the images of a classifier, unfiltered. @param {Api.Classifier} chosen */
export function setGalleryClassifier(chosen) {
  spec = chosen;
  finding = "";
  offerClasses(spec);
  fill(findSelect("by-class"), h("option", { value: "" }, "All classes"), spec.classes.map(({ name, title }) => h("option", { value: name }, title)));
  fill(findSelect("by-source"), h("option", { value: "" }, "All sources"));
  findInput("search").value = "";
  findInput("by-tag").value = "";
  for (const id of Object.values(FILTERS)) findSelect(id).selectedIndex = 0;
  fill(find("change-message"), HINT);
}

/** Offer the sources that the dataset has. @param {string[]} names */
export function offerSources(names) {
  const select = findSelect("by-source");
  const { value } = select;
  fill(select, h("option", { value: "" }, "All sources"), names.map((name) => h("option", { value: name }, name)));
  select.value = names.includes(value) ? value : "";
}

/** Show the images that a finding of the audit lists. @param {string} kind @param {string} title */
export function showFinding(kind, title) {
  finding = kind;
  fill(find("by-finding"), `Only: ${title}`);
  find("images-title").scrollIntoView();
  find("images-title").focus({ preventScroll: true });
  return browse(true);
}

/** The images as they are now: as many as were shown, at least one page. */
export const reloadGallery = () => browse(true, Math.min(MOST, Math.max(PAGE, shown)));

/**
 * Show the images that the filters let through, from the beginning, or the next ones.
 *
 * @param {boolean} reset
 * @param {number} [limit]
 * @returns {Promise<void>}
 */
function browse(reset, limit = PAGE) {
  const [chosen, turn] = [spec, ++asked];
  return attempt(find("gallery-problem"), async () => {
    /** @type {Record<string, string>} */
    const filters = { q: findInput("search").value.trim(), tag: findInput("by-tag").value.trim(), finding };
    for (const [name, id] of Object.entries(FILTERS)) filters[name] = findSelect(id).value;
    /** @type {Api.DatasetImages} */
    const page = await get(address(`/api/datasets/${chosen.name}/images`, { ...filters, limit, cursor: reset ? "" : cursor }));
    if (turn !== asked) return; // other images are wanted by now
    draw(page, reset);
  }, { retry: () => browse(true) }).then(() => undefined);
}

/** @param {Api.DatasetImages} page @param {boolean} reset */
function draw(page, reset) {
  const items = page.images.map(item);
  const had = find("images").contains(document.activeElement);
  find("by-finding").hidden = !finding;
  fill(find("gallery-problem"));
  if (reset) {
    total = page.total ?? 0;
    shown = 0;
    fill(find("images"), items);
    fill(find("no-images"), !items.length && empty("images", isFiltered() ? "No image is like this. Change the filters above." : "No images yet. Drop a folder, images or a zip file on this page."));
    selection.restart();
    if (had) selection.focus();
  } else {
    find("images").append(...items);
    selection.grown();
  }
  shown += items.length;
  cursor = page.next_cursor;
  find("images").hidden = !shown;
  find("images-count").textContent = total ? `${count(shown)} of ${count(Math.max(total, shown))}` : "";
  find("more").hidden = !cursor;
  watch();
}

const isFiltered = () => Boolean(finding || findInput("search").value || findInput("by-tag").value
  || Object.values(FILTERS).some((id) => id !== "sort" && findSelect(id).value));

/** @param {Api.DatasetImage} image */
function item({ sha256, file, label, split, used, tags, patient, thumbnail }) {
  const place = split ?? used;
  const facts = [place && `${SPLITS[place]}${used ? "" : ", not used yet"}`, patient && `patient ${patient}`].filter(Boolean).join(", ");
  return h("div", { role: "option", class: "choice", "aria-selected": "false", tabindex: -1, "data-sha256": sha256, title: facts || undefined },
    picture(thumbnail, file, h("span", { class: "quiet" }, titleOf(spec, label)),
      place && h("span", { class: "quiet" }, SPLITS[place]), tags.length > 0 && h("span", { class: "tags" }, tags.map((tag) => h("span", {}, tag)))));
}

const observer = new IntersectionObserver((entries) => {
  if (entries.some((entry) => entry.isIntersecting) && cursor) browse(false);
}, { rootMargin: "600px" });

/** Fetch the next page when its place comes near, once people scroll; the button stays for those who do not. */
function watch() {
  if (!scrolled) return;
  observer.unobserve(find("more")); // the observer tells of a button that has stayed in view only when it is new
  observer.observe(find("more"));
}

/** @type {number | undefined} */
let pause;
for (const id of Object.values(FILTERS)) find(id).addEventListener("change", () => browse(true));
for (const id of ["search", "by-tag"]) {
  find(id).addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => browse(true), PAUSE);
  });
}
find("by-finding").addEventListener("click", () => {
  finding = "";
  browse(true);
});
find("more").addEventListener("click", () => browse(false));
listen(() => spec, selection);
addEventListener("scroll", () => {
  scrolled = true;
  watch();
}, { once: true, passive: true });
