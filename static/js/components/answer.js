// One answer: the picture and everything that is known about it.
import { h, icon } from "../lib/dom.js";
import { bars, gallery, notice, picture } from "../lib/elements.js";
import { chance, fixed, milliseconds, percent, time } from "../lib/format.js";
import { explain, headlineOf, list, namesNoClass, quality, referralOf, titleOf } from "../lib/labels.js";
import { feedbackForm } from "./feedback.js";

/**
 * Show an answer.
 *
 * @param {Api.LoggedAnswer} answer
 * @param {Api.Classifier} spec
 * @param {{ source: string, name: string }} options address of the picture, the file's name
 */
export function answerCard(answer, spec, { source, name }) {
  const { tone, icon: symbol, title } = headlineOf(answer, spec);
  return h("article", { class: "panel answer", "aria-label": `Answer for ${name}` },
    photograph(answer, spec, source, name),
    h("div", { class: "answer-body" },
      h("div", { class: `decision tone-${tone}` }, icon(symbol),
        h("div", {}, h("p", { class: "decision-title" }, title), h("p", {}, explain(answer, spec)))),
      probabilities(answer, spec),
      feedbackForm(answer, spec)),
    h("div", { class: "answer-more" },
      h("dl", { class: "checks" }, possible(answer, spec), gradability(answer.quality), novelty(answer.novelty)),
      similar(answer, spec),
      answer.notice && notice(answer.notice),
      h("p", { class: "quiet answer-foot" }, `${name} · version ${answer.model_version} · ${milliseconds(answer.duration_ms)} · `, time(answer.timestamp))));
}

/**
 * The picture, with the heat map over it as strong as the slider says.
 *
 * @param {Api.Answer} answer
 * @param {Api.Classifier} spec
 * @param {string} source
 * @param {string} name
 */
function photograph(answer, spec, source, name) {
  const photo = h("img", { src: source, alt: name, width: 320, height: 320 });
  // Browsers do not draw every format that the server reads; it has a JPEG of each.
  photo.addEventListener("error", () => (photo.src = `/api/predictions/${answer.id}/image`), { once: true });
  const frame = h("div", { class: "frame" }, photo);
  if (!answer.explanation) return h("div", { class: "answer-view" }, frame);
  frame.append(h("img", { class: "heat", src: answer.explanation, alt: "", width: 320, height: 320 }));
  const id = `heat-${answer.id}`;
  const slider = h("input", { class: "form-range", type: "range", id, min: 0, max: 100, value: 60, oninput: setOpacity });
  function setOpacity() {
    frame.style.setProperty("--opacity", String(slider.valueAsNumber / 100));
  }
  setOpacity();
  return h("div", { class: "answer-view" }, frame,
    h("label", { class: "form-label", for: id }, `Heat map: evidence for ${titleOf(spec, answer.predicted_class)}`), slider);
}

/** @param {Api.Answer} answer @param {Api.Classifier} spec */
function probabilities(answer, spec) {
  const { operating_point: threshold, prevalence, referral_probability: referral } = answer;
  const rows = spec.classes.map(({ name, title }) => ({
    label: title,
    value: answer.probabilities[name],
    text: chance(answer.probabilities[name]),
    tone: /** @type {Api.Tone} */ (name === answer.predicted_class && !namesNoClass(answer.decision) ? "brand" : "idle"),
    mark: name === spec.positive && threshold ? threshold : undefined,
  }));
  return h("div", {}, bars(rows, "Probability of each class"),
    prevalence && h("p", { class: "quiet" }, `Adjusted to how often the classes occur at the clinic: ${list(spec.classes.map(({ name, title }) => `${title} ${percent(prevalence[name])}`))}.`),
    spec.refer_from && typeof threshold === "number" && typeof referral === "number"
      && h("p", { class: "quiet" }, `The probability of ${referralOf(spec)} is ${chance(referral)}; the referral threshold is ${percent(threshold)}.`),
    spec.positive && typeof threshold === "number" && h("p", { class: "quiet mark-note" }, `The line on ${titleOf(spec, spec.positive)} marks the referral threshold: ${percent(threshold)}.`));
}

/** @param {Api.Answer} answer @param {Api.Classifier} spec */
function possible({ prediction_set: classes }, spec) {
  const [first, ...others] = classes.map((name) => titleOf(spec, name));
  if (first === undefined) return check("Possible classes", false, "none of them fits");
  return check("Possible classes", !others.length, others.length ? list([first, ...others]) : `only ${first}`);
}

/** @param {Api.Answer["quality"]} quality */
function gradability({ score, gradable, reasons }) {
  return check("Image quality", gradable, gradable ? `good enough to grade (${fixed(score)} of 1)` : quality(reasons));
}

/** @param {Api.Answer["novelty"]} novelty */
function novelty({ score, threshold, in_distribution: inside }) {
  return check("Similarity", inside, `${inside ? "similar to" : "differs from"} the training images (distance ${fixed(score)}, limit ${fixed(threshold)})`);
}

/** @param {string} name @param {boolean} fine @param {string} text */
function check(name, fine, text) {
  return h("div", { class: fine ? "" : "doubt" }, h("dt", {}, icon(fine ? "check-circle" : "exclamation-triangle"), name), h("dd", {}, text));
}

/** The training images that are most similar, where they were asked for. @param {Api.Answer} answer @param {Api.Classifier} spec */
function similar({ similar: cases }, spec) {
  if (cases === undefined) return undefined;
  if (!cases?.length) return h("p", { class: "quiet" }, "This version stores no training images to compare with. Train a new version to see similar ones.");
  const pictures = cases.map(({ label, distance, image }) =>
    h("div", { title: `Cosine distance ${fixed(distance, 3)}` }, picture(image, titleOf(spec, label))));
  return h("section", { class: "similar", "aria-label": "Similar training images" },
    h("h3", { class: "small-title" }, "Similar training images"), gallery(pictures, pictures.length));
}
