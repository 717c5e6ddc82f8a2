// The test images with the predictions of one version, or two.
import { address } from "../lib/address.js";
import { get } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { attempt, empty, gallery, picture } from "../lib/elements.js";
import { chance, count, plural } from "../lib/format.js";
import { titleOf } from "../lib/labels.js";

const SHOWN = 16;
/** @typedef {{ own: boolean, answers: Api.TestImage[] }} Predictions */
/** @type {Map<string, Predictions>} by URL */
const cache = new Map();

/**
 * What to show: the versions, a title, and which test images.
 *
 * @typedef {{ spec: Api.Classifier, version: number, against?: number, title: string, wanted: (image: Api.TestImage) => boolean }} Wanted
 */

/**
 * Fetch the predictions for every test image, a few at a time.
 *
 * @param {Wanted} wanted
 * @param {(done: number, total: number) => unknown} onPart told how far it is
 * @param {() => boolean} isCurrent
 * @returns {Promise<Predictions | undefined>} undefined when they are not wanted any more
 */
async function fetchPredictions({ spec, version, against }, onPart, isCurrent) {
  const url = `/api/models/${spec.name}/${version}/answers`;
  const key = address(url, { against });
  const known = cache.get(key);
  if (known) return known;
  /** @type {Predictions} */
  const found = { own: true, answers: [] };
  for (;;) {
    /** @type {Api.TestAnswers} */
    const { total, own, answers } = await get(address(url, { against, offset: found.answers.length }));
    if (!isCurrent()) return undefined;
    found.own = own;
    found.answers.push(...answers);
    if (!answers.length || found.answers.length >= total) break;
    onPart(found.answers.length, total);
  }
  cache.set(key, found);
  return found;
}

/** Show in `place` the test images that are wanted. @param {HTMLElement} place @param {Wanted} wanted */
export async function showTestImages(place, wanted) {
  const status = h("p", { class: "quiet", role: "status" }, "Predicting the test images …");
  const body = h("div", {}, status);
  fill(place, h("h3", { class: "small-title", tabindex: -1 }, wanted.title), body);
  const isCurrent = () => body.isConnected;
  await attempt(body, async () => {
    const found = await fetchPredictions(wanted, (done, total) => (status.textContent = `${count(done)} of ${count(total)} test images predicted …`), isCurrent);
    if (found && isCurrent()) draw(body, found, wanted);
  }, { retry: () => showTestImages(place, wanted) });
}

/** @param {HTMLElement} body @param {Predictions} found @param {Wanted} wanted */
function draw(body, { own, answers }, { spec, version, against, wanted }) {
  if (!answers.length) {
    fill(body, empty("images", "No test images available; a demonstration model does not include them. ",
      h("a", { href: address("/data", { classifier: spec.name }) }, "Add images"), ", then train a version."));
    return;
  }
  const chosen = answers.filter(wanted);
  const whose = own ? "the test images of this version" : "the current test images; this version was tested on others";
  fill(body, h("p", { class: "quiet", role: "status" }, `${plural(chosen.length, "image")} of ${count(answers.length)}: ${whose}.`),
    chosen.length ? gallery(chosen.map((row) => card(row, spec, version, against)), SHOWN) : empty("check-circle", "No such images."));
}

/** @param {Api.TestImage} image @param {Api.Classifier} spec @param {number} version @param {number} [against] */
function card({ sha256, file, label, answer, other }, spec, version, against) {
  const line = (/** @type {string} */ name, /** @type {Api.TestAnswer} */ { predicted_class: top, confidence }) =>
    h("span", { class: top === label ? "right-answer" : "wrong-answer" }, `${name}${titleOf(spec, top)} ${chance(confidence, 0)}`);
  return picture(`/api/datasets/${spec.name}/images/${sha256}`, file, h("span", {}, h("b", {}, titleOf(spec, label))),
    line(other ? `v${version}: ` : "", answer), other && line(`v${against}: `, other));
}
