// Data: what a classifier learns from, what is wrong with it, and a way to add to it.
import { get } from "../lib/api.js";
import { showAudit } from "../components/audit.js";
import { acceptUploads, setUploadClassifier } from "../components/dataset-upload.js";
import { counts, origins, suffices } from "../components/dataset-summary.js";
import { empty, fill, find, h, settle, showProblem } from "../lib/dom.js";
import { showFeedback } from "../components/feedback-review.js";
import { count } from "../lib/format.js";
import { pickClassifier } from "../components/classifier-picker.js";
import { picture } from "../lib/gallery.js";
import { titleOf } from "../lib/labels.js";

const PAGE = 16;
let spec, shown = 0;
const isCurrent = (chosen) => chosen === spec;

function change(chosen) {
  spec = chosen;
  find("description").textContent = spec.description;
  fill(find("by-class"), h("option", { value: "" }, "All classes"), spec.classes.map(({ name, title }) => h("option", { value: name }, title)));
  setUploadClassifier(spec);
  refresh(spec);
}

async function refresh(chosen) {
  if (!isCurrent(chosen)) return;
  await Promise.all([showSummary(chosen), showAudit(chosen), showFeedback(chosen, isCurrent, onImageAdded), browse(chosen, true)]);
  settle();
}

/** One image more: what stands on the page about the others stays. */
function onImageAdded(chosen) {
  if (!isCurrent(chosen)) return;
  showSummary(chosen);
  showAudit(chosen);
  browse(chosen, true);
}

async function showSummary(chosen) {
  try {
    const summary = await get(`/api/datasets/${chosen.name}`);
    if (!isCurrent(chosen)) return;
    fill(find("dataset"), counts(summary, chosen), origins(summary));
    find("to-train").hidden = !suffices(summary);
    find("to-train").href = `/train?classifier=${chosen.name}`;
  } catch (error) {
    showProblem(find("dataset"), error, { retry: () => showSummary(chosen) });
  }
}

/** Show the newest images of the class chosen: the first ones again, or more of them. */
async function browse(chosen, reset) {
  const label = find("by-class").value;
  const place = find("images");
  try {
    const { total, images } = await get(`/api/datasets/${chosen.name}/images?limit=${PAGE}&offset=${reset ? 0 : shown}${label ? `&label=${label}` : ""}`);
    if (!isCurrent(chosen) || label !== find("by-class").value) return;
    const figures = images.map(({ sha256, file, label: name }) => picture(`/api/datasets/${chosen.name}/images/${sha256}`, file, h("span", { class: "quiet" }, titleOf(chosen, name))));
    if (reset) fill(place, total ? figures : empty("images", "None yet: drop a folder, images or a zip above."));
    else place.append(...figures);
    shown = (reset ? 0 : shown) + images.length;
    find("images-count").textContent = total ? `${count(shown)} of ${count(total)}` : "";
    find("more").hidden = shown >= total;
  } catch (error) {
    showProblem(place, error, { retry: () => browse(chosen, true) });
  }
}

find("by-class").addEventListener("change", () => browse(spec, true));
find("more").addEventListener("click", () => browse(spec, false));
if (await pickClassifier(change)) acceptUploads(refresh);
