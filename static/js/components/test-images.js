// The test images with what one version, or two, answer for each.
import { get } from "../lib/api.js";
import { empty, fill, h, problem } from "../lib/dom.js";
import { chance, count, plural } from "../lib/format.js";
import { picture, strip } from "../lib/gallery.js";
import { titleOf } from "../lib/labels.js";

const SHOWN = 16;
const cache = new Map(); // answers by URL

/** Ask about every test image, a few at a time; `onPart(done, total)` is told how far it is. Returns {own, answers}. */
async function fetchAnswers(classifier, version, against, onPart, isCurrent) {
  const url = `/api/models/${classifier}/${version}/answers?${against ? `against=${against}&` : ""}`;
  if (!cache.has(url)) {
    const answers = [];
    for (let total = 1, own; answers.length < total; ) {
      const part = await get(`${url}offset=${answers.length}`);
      if (!isCurrent()) return null;
      ({ total, own } = part);
      answers.push(...part.answers);
      if (!part.answers.length || answers.length >= total) cache.set(url, { own, answers });
      if (!part.answers.length) break;
      onPart(answers.length, total);
    }
  }
  return cache.get(url);
}

/** Show in `place` the test images that `wanted` takes; `title` says which those are. */
export async function showTestImages(place, { spec, version, against, title, wanted }) {
  const mark = h("p", { class: "quiet", role: "status" }, "Looking at the test images …");
  fill(place, h("h3", { class: "small-title", tabindex: -1 }, title), mark);
  const isCurrent = () => mark.isConnected;
  try {
    const seen = await fetchAnswers(spec.name, version, against, (done, total) => (mark.textContent = `Looked at ${count(done)} of ${count(total)} test images …`), isCurrent);
    if (!seen || !isCurrent()) return;
    const { own, answers } = seen;
    const chosen = answers.filter(wanted);
    if (!answers.length) {
      fill(mark.parentElement, h("h3", { class: "small-title" }, title),
        empty("images", "There are no test images here: those of a demonstration model are not kept. ", h("a", { href: `/data?classifier=${spec.name}` }, "Add images"), " and train a version."));
      return;
    }
    const whose = own ? "the test images of this version" : "the present test images; this version was tested on others";
    mark.textContent = `${plural(chosen.length, "image")} of ${count(answers.length)}: ${whose}.`;
    mark.after(chosen.length ? strip(chosen.map((row) => card(row, spec, version, against)), SHOWN) : empty("check-circle", "None."));
  } catch (error) {
    if (isCurrent()) mark.replaceWith(problem(error.message, { retry: () => showTestImages(place, { spec, version, against, title, wanted }) }));
  }
}

function card({ sha256, file, label, answer, other }, spec, version, against) {
  const line = (name, { predicted_class: top, confidence }) =>
    h("span", { class: top === label ? "right-answer" : "wrong-answer" }, `${name}${titleOf(spec, top)} ${chance(confidence, 0)}`);
  return picture(`/api/datasets/${spec.name}/images/${sha256}`, file, h("span", {}, h("b", {}, titleOf(spec, label))),
    line(other ? `v${version}: ` : "", answer), other && line(`v${against}: `, other));
}
