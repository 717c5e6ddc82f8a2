// A classifier's dataset in figures.
import { h } from "../lib/dom.js";
import { empty, notice, table } from "../lib/elements.js";
import { count, plural, sum } from "../lib/format.js";
import { list, plain, titleOf } from "../lib/labels.js";

/** @type {Record<string, string>} */
const SPLITS = { train: "Training", val: "Validation", test: "Test" };
export const MINIMUM = 10; // images of each class that a training run needs

/**
 * The images by class and split, as a table with what must be said about them.
 *
 * @param {Api.DatasetSummary} summary
 * @param {Api.Classifier} spec
 * @returns {Child[]}
 */
export function counts(summary, spec) {
  const { counts: by, classes, images, left_out: out } = summary;
  if (!images) return [empty("images", `No images yet. Training needs at least ${MINIMUM} images of each class.`)];
  const splits = Object.keys(SPLITS);
  const row = (/** @type {Child} */ title, /** @type {number[]} */ values, /** @type {number} */ total) =>
    [title, ...values.map((value) => ({ number: count(value) })), { number: h("b", {}, count(total)) }];
  const heads = ["Class", ...splits.map((split) => ({ number: SPLITS[split] })), { number: "All" }];
  return [
    table("Images by class and split", heads, [
      ...Object.entries(classes).map(([name, total]) => row(titleOf(spec, name), splits.map((split) => by[split][name] ?? 0), total)),
      row(h("b", {}, "All"), splits.map((split) => sum(by[split])), images),
    ]),
    missing(summary, spec),
    out > 0 && notice(`${plural(out, "training image")} not used: the same patient or a near-duplicate is in the validation or test split.`),
  ];
}

/** Whether a model can be trained on the images. @param {Pick<Api.DatasetSummary, "classes">} summary */
export const suffices = ({ classes }) => Object.values(classes).every((n) => n >= MINIMUM);

/** What is missing before a model can be trained; undefined when nothing is. @param {Api.DatasetSummary} summary @param {Api.Classifier} spec */
function missing({ classes }, spec) {
  const few = Object.entries(classes).filter(([, n]) => n < MINIMUM).map(([name, n]) => `${MINIMUM - n} of ${titleOf(spec, name)}`);
  return few.length ? notice(`Training needs at least ${MINIMUM} images of each class. Add ${list(few)}.`) : undefined;
}

/** Where the images come from and how large they are. @param {Api.DatasetSummary} summary */
export function origins({ images, resolutions, sources }) {
  if (!images) return undefined;
  const sizes = resolutions.map(({ width, height, images: n }) => [`${count(width)} × ${count(height)}`, { number: count(n) }]);
  const shown = resolutions.reduce((total, { images: n }) => total + n, 0);
  if (shown < images) sizes.push(["Other sizes", { number: count(images - shown) }]);
  return h("div", { class: "origins" },
    table("Image sizes", ["Width × height in pixels", { number: "Images" }], sizes),
    table("Image sources", ["Source", { number: "Images" }], Object.entries(sources).map(([name, n]) => [plain(name), { number: count(n) }])));
}
