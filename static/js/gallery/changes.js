// Changing the images of a dataset, and saying so beside a button that takes it back.
import { ApiError, patch, post, remove } from "../lib/api.js";
import { fill, h, icon } from "../lib/dom.js";
import { smallButton } from "../lib/elements.js";
import { plural } from "../lib/format.js";

/** What a change is called once it is done. @type {Record<string, string>} */
const DONE = { relabelled: "relabelled", moved: "moved", tagged: "tagged", changed: "changed", removed: "removed", undone: "put back" };

/** @typedef {{ label?: string, split?: string, tags_added?: string[], tags_removed?: string[], whole_groups?: boolean }} Edit */

/** Tells the page that a dataset has other images than before. */
export const CHANGED = "dataset-changed";

/**
 * Change images, or remove them where there is no edit; say in `place` what was done, with an Undo button, or why not.
 *
 * @param {HTMLElement} place
 * @param {string} classifier
 * @param {string[]} hashes
 * @param {Edit} [edit]
 * @returns {Promise<boolean>} whether it was done
 */
export function change(place, classifier, hashes, edit) {
  const url = `/api/datasets/${classifier}/images`;
  const call = () => (edit ? patch(url, { sha256: hashes, ...edit }) : remove(url, { sha256: hashes }));
  return tell(place, classifier, call, edit && !edit.whole_groups ? { text: edit.split ? "Move their whole groups" : "Relabel copies, too", edit: { ...edit, whole_groups: true }, hashes } : undefined);
}

/**
 * @param {HTMLElement} place
 * @param {string} classifier
 * @param {() => Promise<Api.Changed>} call
 * @param {{ text: string, edit: Edit, hashes: string[] }} [wider] offered where a rule forbids the change as it is
 * @returns {Promise<boolean>}
 */
async function tell(place, classifier, call, wider) {
  try {
    const { action, changed, revision } = await call();
    const undo = action && action !== "undone" && smallButton("Undo", () => tell(place, classifier, () => post(`/api/datasets/${classifier}/undo`)));
    fill(place, icon("check-circle"), h("span", {}, action ? `${plural(changed.length, "image")} ${DONE[action]} (revision ${revision}).` : "Nothing to change."), undo);
    if (action) document.dispatchEvent(new CustomEvent(CHANGED, { detail: classifier }));
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const whole = wider && error.message.includes("whole_groups") && smallButton(wider.text, () => change(place, classifier, wider.hashes, wider.edit));
    fill(place, icon("exclamation-circle"), h("span", {}, error.message.replace(" ('whole_groups')", "")), whole);
    return false;
  }
}
