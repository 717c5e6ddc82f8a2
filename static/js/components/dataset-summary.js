// A classifier's dataset in figures.
import { empty, h, notice, table } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { list, plain, titleOf } from "../lib/labels.js";

const SPLITS = { train: "Training", val: "Validation", test: "Test" };
export const MINIMUM = 10; // images of each class that a training run needs

/** The images by class and split, as a table with what must be said about them. */
export function counts(summary, spec) {
  const { counts: by, classes, images, left_out: out } = summary;
  if (!images) return empty("images", `No images yet. A training run needs at least ${MINIMUM} of each class.`);
  const splits = Object.keys(SPLITS);
  const row = (title, values, total) => [title, ...values.map((value) => ({ number: count(value) })), { number: h("b", {}, count(total)) }];
  const sum = (split) => Object.values(by[split]).reduce((total, value) => total + value, 0);
  const note = `${plural(out, "image")} left out of training, since the same patient, or an image that shows the same, is in a later split.`;
  const heads = ["Class", ...splits.map((split) => ({ number: SPLITS[split] })), { number: "All" }];
  return [
    table("Images by class and split", heads, [
      ...Object.entries(classes).map(([name, total]) => row(titleOf(spec, name), splits.map((split) => by[split][name] ?? 0), total)),
      row(h("b", {}, "All"), splits.map(sum), images),
    ]),
    short(summary, spec),
    out > 0 && notice(note),
  ];
}

/** Whether a model can be trained on the images. */
export const suffices = ({ classes }) => Object.values(classes).every((n) => n >= MINIMUM);

/** What is missing before a model can be trained; undefined when nothing is. */
function short({ classes }, spec) {
  const few = Object.entries(classes).filter(([, n]) => n < MINIMUM).map(([name, n]) => `${MINIMUM - n} of ${titleOf(spec, name)}`);
  return few.length ? notice(`A training run needs ${MINIMUM} of each class: add ${list(few)}.`) : undefined;
}

/** Where the images come from and how large they are. */
export function origins({ images, resolutions, sources }) {
  if (!images) return undefined;
  const sizes = resolutions.map(({ width, height, images: n }) => [`${count(width)} × ${count(height)}`, { number: count(n) }]);
  const shown = resolutions.reduce((sum, { images: n }) => sum + n, 0);
  if (shown < images) sizes.push(["Other sizes", { number: count(images - shown) }]);
  return h("div", { class: "origins" },
    table("Sizes of the images", ["Width × height in pixels", { number: "Images" }], sizes),
    table("Where the images come from", ["From", { number: "Images" }], Object.entries(sources).map(([name, n]) => [plain(name), { number: count(n) }])));
}
