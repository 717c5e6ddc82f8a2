// Data: what a classifier is trained on, what is wrong with it, and a way to add to it.
import { showAudit } from "../components/audit.js";
import { pickClassifier } from "../components/classifier-picker.js";
import { counts, origins, suffices } from "../components/dataset-summary.js";
import { acceptUploads, setUploadClassifier } from "../components/dataset-upload.js";
import { showExploration } from "../components/exploration.js";
import { showFeedback } from "../components/feedback.js";
import { address } from "../lib/address.js";
import { get } from "../lib/api.js";
import { fill, find, findLink, findSelect, h, settle } from "../lib/dom.js";
import { attempt, empty, picture } from "../lib/elements.js";
import { count } from "../lib/format.js";
import { titleOf } from "../lib/labels.js";

const PAGE = 16;
/** @type {Api.Classifier} */
let spec;
let shown = 0;
/** @param {Api.Classifier} chosen */
const isCurrent = (chosen) => chosen === spec;

/** @param {Api.Classifier} chosen */
function change(chosen) {
  spec = chosen;
  find("description").textContent = spec.description;
  fill(find("by-class"), h("option", { value: "" }, "All classes"), spec.classes.map(({ name, title }) => h("option", { value: name }, title)));
  setUploadClassifier(spec);
  refresh(spec);
}

/** @param {Api.Classifier} chosen */
async function refresh(chosen) {
  if (!isCurrent(chosen)) return;
  await Promise.all([showDataset(chosen), showFeedback(chosen, isCurrent, showDataset)]);
  settle();
}

/** Everything that one more image changes. @param {Api.Classifier} chosen */
async function showDataset(chosen) {
  if (!isCurrent(chosen)) return;
  const [images] = await Promise.all([showSummary(chosen), showAudit(chosen), browse(chosen, true)]);
  if (isCurrent(chosen) && images !== undefined) showExploration(chosen, images, isCurrent);
}

/** @param {Api.Classifier} chosen */
function showSummary(chosen) {
  return attempt(find("dataset"), async () => {
    /** @type {Api.DatasetSummary} */
    const summary = await get(`/api/datasets/${chosen.name}`);
    if (!isCurrent(chosen)) return undefined;
    fill(find("dataset"), counts(summary, chosen), origins(summary));
    find("to-train").hidden = !suffices(summary);
    findLink("to-train").href = address("/train", { classifier: chosen.name });
    return summary.images;
  });
}

/**
 * Show the newest images of the class chosen: the first ones again, or more of them.
 *
 * @param {Api.Classifier} chosen
 * @param {boolean} reset
 * @returns {Promise<void>}
 */
function browse(chosen, reset) {
  const filter = findSelect("by-class");
  const label = filter.value;
  return attempt(find("images"), async () => {
    const offset = reset ? 0 : shown;
    /** @type {Api.DatasetImages} */
    const { total, images } = await get(address(`/api/datasets/${chosen.name}/images`, { limit: PAGE, offset, label }));
    if (!isCurrent(chosen) || label !== filter.value) return;
    const pictures = images.map(({ sha256, file, label: name }) => picture(`/api/datasets/${chosen.name}/images/${sha256}`, file, h("span", { class: "quiet" }, titleOf(chosen, name))));
    if (reset) fill(find("images"), total ? pictures : empty("images", "No images yet. Drop a folder, images or a zip file on this page."));
    else find("images").append(...pictures);
    shown = offset + images.length;
    find("images-count").textContent = total ? `${count(shown)} of ${count(total)}` : "";
    find("more").hidden = shown >= total;
  }, { retry: () => browse(chosen, true) });
}

find("by-class").addEventListener("change", () => browse(spec, true));
find("more").addEventListener("click", () => browse(spec, false));
if (await pickClassifier(change)) acceptUploads(refresh);
