// What a dataset looks like: classes, sizes, light and colour, samples, and how training varies an image.
import { get } from "../lib/api.js";
import { histogram } from "../lib/charts.js";
import { fill, find, h } from "../lib/dom.js";
import { attempt, empty, table, thumbnail } from "../lib/elements.js";
import { count, plural, sum } from "../lib/format.js";
import { titleOf } from "../lib/labels.js";

const NEAR = "200px";
/** @type {[split: string, title: string, tone: Api.Tone][]} */
const SPLITS = [["train", "training", "brand"], ["val", "validation", "accent"], ["test", "test", "odd"]];
/** @type {Api.Tone[]} */
const TONES = ["brand", "accent", "odd", "good", "bad", "warn", "idle"];
const COLOURED = TONES.length; // classes that a chart can tell apart
const [widths, brightness] = ["widths", "brightness"].map((name) => histogram(find(name)));
/** @type {IntersectionObserver | undefined} */
let watch;

/**
 * Show the exploration of a dataset once it comes near the screen: looking at many images takes a while.
 *
 * @param {Api.Classifier} spec
 * @param {number} images of the dataset
 * @param {(spec: Api.Classifier) => boolean} isCurrent
 */
export function showExploration(spec, images, isCurrent) {
  watch?.disconnect();
  if (!images) {
    clear();
    return;
  }
  watch = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch?.disconnect();
    explore(spec, isCurrent);
  }, { rootMargin: NEAR });
  watch.observe(find("exploration"));
}

/** @param {Api.Classifier} spec @param {(spec: Api.Classifier) => boolean} isCurrent */
function explore(spec, isCurrent) {
  const [place, status] = [find("exploration"), find("explored")];
  place.setAttribute("aria-busy", "true");
  status.textContent = "Looking at the images …";
  return attempt(status, async () => {
    /** @type {Api.Exploration} */
    const found = await get(`/api/datasets/${spec.name}/exploration`);
    if (!isCurrent(spec)) return;
    place.setAttribute("aria-busy", "false");
    show(found, spec);
  });
}

function clear() {
  find("explored").textContent = "";
  find("exploration").setAttribute("aria-busy", "false");
  for (const paint of [widths, brightness]) paint([], []);
  for (const name of ["by-split", "colours"]) fill(find(name));
  fill(find("samples"), empty("images", "No images yet. Their sizes, colours and samples are shown here."));
}

/** @param {Api.Exploration} found @param {Api.Classifier} spec */
function show(found, spec) {
  const { images, measured, measures } = found;
  find("explored").textContent = measured < images
    ? `Sizes, light and colour of ${count(measured)} of ${plural(images, "image")}, spread evenly over the dataset.`
    : `All ${plural(images, "image")}.`;
  fill(find("by-split"), bySplit(found, spec));
  fill(find("colours"), colours(found, spec));
  for (const [paint, name] of /** @type {[typeof widths, string][]} */ ([[widths, "width"], [brightness, "brightness"]])) {
    const { edges, classes } = measures[name];
    paint(spec.classes.slice(0, COLOURED).map(({ name: label, title }, index) => ({ label: title, tone: TONES[index], counts: classes[label].counts })), edges);
  }
  fill(find("samples"), spec.classes.map(({ name, title }) => strip(title, found.samples[name].map(({ image, file }) => thumbnail(image, `${title}: ${file}`)))),
    strip("Augmentation: an image, and as training may vary it", found.augmentation.map((image, index) => thumbnail(image, index ? `Variation ${index}` : "The image as it is"))));
}

/** A bar for each class, parted by split. @param {Api.Exploration} found @param {Api.Classifier} spec */
function bySplit({ counts }, spec) {
  const most = Math.max(1, ...spec.classes.map(({ name }) => sum(Object.fromEntries(SPLITS.map(([split]) => [split, counts[split][name] ?? 0])))));
  return [
    h("ul", { class: "bars", "aria-label": "Images by class and split" }, spec.classes.map(({ name, title }) => {
      const parts = SPLITS.map(([split, text, tone]) => ({ n: counts[split][name] ?? 0, text, tone }));
      return h("li", { class: "bar" },
        h("span", { class: "bar-label" }, title),
        h("span", { class: "bar-text" }, parts.map(({ n, text }) => `${count(n)} ${text}`).join(", ")),
        h("span", { class: "bar-track stack" }, parts.map(({ n, tone }) => h("span", { class: `tone-${tone}`, vars: { "--value": n / most } }))));
    })),
  ];
}

/** @param {Api.Exploration} found @param {Api.Classifier} spec */
function colours({ measures }, spec) {
  const median = (/** @type {string} */ name, /** @type {string} */ label) => measures[name].classes[label].median;
  return table("Median colour and brightness", ["Class", "Colour", ...["Red", "Green", "Blue", "Brightness"].map((number) => ({ number }))],
    spec.classes.map(({ name }) => {
      const values = ["red", "green", "blue", "brightness"].map((each) => median(each, name));
      return [titleOf(spec, name), values[0] === null ? "none" : h("span", { class: "swatch", vars: { "--colour": `rgb(${values.slice(0, 3).join(" ")})` } }),
        ...values.map((value) => ({ number: value === null ? "none" : count(Math.round(value)) }))];
    }));
}

/** @param {string} title @param {HTMLElement[]} pictures */
const strip = (title, pictures) => [h("h3", { class: "small-title" }, title), h("div", { class: "samples-row" }, pictures.length ? pictures : h("p", { class: "quiet" }, "None."))];
