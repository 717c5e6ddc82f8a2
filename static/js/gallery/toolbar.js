// The bar of actions above the images: what can be done with those that are selected.
import { fill, find, findButton, findInput, findSelect, h } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { change } from "./changes.js";

const BUTTONS = ["relabel", "move", "add-tag", "remove-tag", "remove-images", "clear-selection"];
export const HINT = "Click images to select them, with Shift for a range. Keyboard: arrows, Space or x, Ctrl+A, Escape.";

/** Offer the classes of a classifier. @param {Api.Classifier} spec */
export function offerClasses(spec) {
  fill(findSelect("new-label"), spec.classes.map(({ name, title }) => h("option", { value: name }, title)));
}

/** Say how many images are selected. @param {number} selected */
export function showSelected(selected) {
  for (const id of BUTTONS) findButton(id).disabled = !selected;
  find("selected-count").textContent = `${count(selected)} selected`;
}

/**
 * Let the buttons change the selected images.
 *
 * @param {() => Api.Classifier} spec
 * @param {import("./selection.js").Selection} selection
 */
export function listen(spec, selection) {
  const place = find("change-message");
  const tag = () => findInput("tag").value.trim();
  /** @type {Record<string, () => import("./changes.js").Edit | undefined>} */
  const edits = {
    relabel: () => ({ label: findSelect("new-label").value }),
    move: () => ({ split: findSelect("new-split").value }),
    "add-tag": () => ({ tags_added: [tag()] }),
    "remove-tag": () => ({ tags_removed: [tag()] }),
    "remove-images": () => undefined,
  };
  for (const [id, edit] of Object.entries(edits)) {
    findButton(id).addEventListener("click", () => {
      if (id.endsWith("-tag") && !tag()) {
        fill(place, "Write the tag first.");
        findInput("tag").focus();
        return undefined;
      }
      return change(place, spec().name, selection.chosen, edit());
    });
  }
  findButton("clear-selection").addEventListener("click", () => selection.clear());
}
