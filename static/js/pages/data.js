// Data: what a classifier is trained on, what is wrong with it, and a way to add to it.
import { pickClassifier } from "../components/classifier-picker.js";
import { counts, origins, suffices } from "../components/dataset-summary.js";
import { acceptUploads, setUploadClassifier } from "../components/dataset-upload.js";
import { showFeedback } from "../components/feedback.js";
import { showAudit } from "../gallery/audit.js";
import { CHANGED } from "../gallery/changes.js";
import { showExploration } from "../gallery/exploration.js";
import { offerSources, reloadGallery, setGalleryClassifier } from "../gallery/gallery.js";
import { address } from "../lib/address.js";
import { get } from "../lib/api.js";
import { fill, find, findLink, settle } from "../lib/dom.js";
import { attempt } from "../lib/elements.js";

/** @type {Api.Classifier} */
let spec;
/** @param {Api.Classifier} chosen */
const isCurrent = (chosen) => chosen === spec;

/** @param {Api.Classifier} chosen */
function change(chosen) {
  spec = chosen;
  find("description").textContent = spec.description;
  setGalleryClassifier(spec);
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
  if (isCurrent(chosen)) await Promise.all([showAudit(chosen), showImages(chosen)]);
}

/** The figures of the images, and the images. @param {Api.Classifier} chosen */
async function showImages(chosen) {
  const [images] = await Promise.all([showSummary(chosen), reloadGallery()]);
  if (isCurrent(chosen) && images !== undefined) showExploration(chosen, images, isCurrent);
}

/** @param {Api.Classifier} chosen */
function showSummary(chosen) {
  return attempt(find("dataset"), async () => {
    /** @type {Api.DatasetSummary} */
    const summary = await get(`/api/datasets/${chosen.name}`);
    if (!isCurrent(chosen)) return undefined;
    fill(find("dataset"), counts(summary, chosen), origins(summary));
    offerSources(Object.keys(summary.sources));
    find("to-train").hidden = !suffices(summary);
    findLink("to-train").href = address("/train", { classifier: chosen.name });
    return summary.images;
  });
}

// The report of the audit stays: its findings and what was said beside them would be lost.
document.addEventListener(CHANGED, (event) => {
  if (event instanceof CustomEvent && event.detail === spec.name) showImages(spec);
});
if (await pickClassifier(change)) acceptUploads(refresh);
