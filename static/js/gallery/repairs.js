// What can be done about a finding of the audit, beside the pictures that show it.
import { fill, h } from "../lib/dom.js";
import { smallButton } from "../lib/elements.js";
import { titleOf } from "../lib/labels.js";
import { change } from "./changes.js";

const COPIES = ["augmented_copies", "near_duplicates", "duplicates_across_classes", "duplicates_across_splits"];

/**
 * Buttons that repair what a picture, or a pair of them, shows; undefined where no single step does.
 *
 * @param {Api.Classifier} spec
 * @param {string} kind of the finding
 * @param {Api.AuditPair | undefined} pair
 * @param {string[]} images the SHA-256 of the picture, or of both
 */
export function repairs(spec, kind, pair, [one, two]) {
  const place = h("div", { class: "repairs", role: "status" });
  const button = (/** @type {string} */ text, /** @type {string[]} */ hashes, /** @type {import("./changes.js").Edit} */ edit) =>
    smallButton(text, () => change(place, spec.name, hashes, edit));
  const drop = (/** @type {string} */ text, /** @type {string} */ sha256, /** @type {string} */ file) =>
    smallButton(text, () => change(place, spec.name, [sha256]), { "aria-label": `Remove ${file}` });
  if (kind === "label_errors" && pair?.looks_like && pair.file) {
    return fill(place, button(`Relabel: ${titleOf(spec, pair.looks_like)}`, [one], { label: pair.looks_like, whole_groups: true }), drop("Remove", one, pair.file));
  }
  if (!COPIES.includes(kind) || !pair || !two) return undefined;
  return fill(place,
    kind === "duplicates_across_splits" && button("Move both to training", [one, two], { split: "train", whole_groups: true }),
    kind === "duplicates_across_classes" && pair.labels.map((label) => button(`Both: ${titleOf(spec, label)}`, [one, two], { label, whole_groups: true })),
    drop("Remove left", one, pair.first), drop("Remove right", two, pair.second));
}
