// One answer: the picture and everything that is known about it.
import { post } from "./api.js";
import { bars, fill, h, icon, notice, problem } from "./dom.js";
import { chance, fixed, milliseconds, percent, time } from "./format.js";
import { picture, strip } from "./pictures.js";
import { explain, headlineOf, list, quality, titleOf } from "./words.js";

/** Show an answer; `source` is the address of the picture, `name` the file's. */
export function answerCard(answer, spec, { source, name }) {
  const { tone, icon: picture, title } = headlineOf(answer, spec);
  const doubtful = ["out_of_distribution", "ungradable"].includes(answer.decision);
  return h("article", { class: "panel answer", "aria-label": `Answer for ${name}` },
    view(answer, spec, source, name),
    h("div", { class: "answer-body" },
      h("div", { class: `decision tone-${tone}` }, icon(picture),
        h("div", {}, h("p", { class: "decision-title" }, title), h("p", {}, explain(answer, spec)))),
      probabilities(answer, spec, doubtful),
      feedback(answer, spec)),
    h("div", { class: "answer-more" },
      h("dl", { class: "checks" }, possible(answer, spec), grade(answer.quality), known(answer.novelty)),
      similar(answer, spec),
      answer.notice && notice(answer.notice),
      h("p", { class: "quiet answer-foot" }, `${name} · version ${answer.model_version} · ${milliseconds(answer.duration_ms)} · `, time(answer.timestamp))));
}

/** The picture, with the heat map over it as strongly as the slider says. */
function view(answer, spec, source, name) {
  const photo = h("img", { src: source, alt: name, width: 320, height: 320, onerror: fallBack });
  const frame = h("div", { class: "frame" }, photo);
  if (!answer.explanation) return h("div", { class: "answer-view" }, frame);
  frame.append(h("img", { class: "heat", src: answer.explanation, alt: "", width: 320, height: 320 }));
  const id = `heat-${answer.id}`;
  const slider = h("input", { class: "form-range", type: "range", id, min: 0, max: 100, value: 60,
    oninput: () => frame.style.setProperty("--opacity", slider.value / 100) });
  frame.style.setProperty("--opacity", slider.value / 100);
  return h("div", { class: "answer-view" }, frame,
    h("label", { class: "form-label", for: id }, `Heat map: the evidence for ${titleOf(spec, answer.predicted_class)}`), slider);

  function fallBack() {
    // Browsers do not draw every format that the server reads; it has a JPEG of each.
    photo.onerror = null;
    photo.removeEventListener("error", fallBack);
    photo.src = `/api/predictions/${answer.id}/image`;
  }
}

function probabilities(answer, spec, doubtful) {
  const threshold = answer.operating_point;
  const rows = spec.classes.map(({ name, title }) => ({
    label: title,
    value: answer.probabilities[name],
    text: chance(answer.probabilities[name]),
    tone: doubtful ? "idle" : name === answer.predicted_class ? "brand" : "idle",
    mark: name === spec.positive && threshold ? threshold : undefined,
  }));
  return h("div", {}, bars(rows, "Probability of each class"),
    answer.prevalence && h("p", { class: "quiet" }, `Adjusted to how often the classes occur at the clinic: ${list(spec.classes.map(({ name, title }) => `${title} ${percent(answer.prevalence[name])}`))}.`),
    threshold && h("p", { class: "quiet mark-note" }, `The line on ${titleOf(spec, spec.positive)} is where a screening refers: ${percent(threshold)}.`));
}

function possible(answer, spec) {
  const names = answer.prediction_set.map((name) => titleOf(spec, name));
  return check("Cannot be ruled out", names.length === 1, names.length === 1 ? `only ${names[0]}` : list(names) || "none of the classes fits");
}

function grade({ score, gradable, reasons }) {
  return check("Photograph", gradable, gradable ? `good enough to judge (${fixed(score)} of 1)` : quality(reasons));
}

function known({ score, threshold, in_distribution: inside }) {
  const figures = `distance ${fixed(score)}, alike up to ${fixed(threshold)}`;
  return check("Kind of image", inside, inside ? `like its training images (${figures})` : `unlike its training images (${figures})`);
}

function check(name, fine, text) {
  return h("div", { class: fine ? "" : "doubt" }, h("dt", {}, icon(fine ? "check-circle" : "exclamation-triangle"), name), h("dd", {}, text));
}

/** The training images that lie nearest to this one, where they were asked for. */
function similar({ similar: cases }, spec) {
  if (cases === undefined) return undefined;
  if (!cases?.length) return h("p", { class: "quiet" }, "This version keeps no training images to compare with; one that is trained now does.");
  const told = cases.map(({ label, distance, image }) =>
    h("div", { title: `Cosine distance ${fixed(distance, 3)}` }, picture(image, titleOf(spec, label))));
  return h("section", { class: "similar", "aria-label": "Similar cases" }, h("h3", { class: "small-title" }, "The training images most like it, the nearest first"), strip(told, told.length));
}

function feedback(answer, spec) {
  const place = h("div", { class: "feedback", role: "group", "aria-label": "Was this right?" });
  const small = { type: "button", class: "btn btn-sm btn-outline-secondary" };
  const ask = () => fill(place, h("span", {}, "Was this right?"),
    h("button", { ...small, onclick: () => say(answer.predicted_class) }, icon("hand-thumbs-up"), " Yes"),
    h("button", { ...small, onclick: which }, icon("hand-thumbs-down"), " No"));
  const which = () => {
    const others = spec.classes.filter((item) => item.name !== answer.predicted_class);
    if (others.length === 1) return say(others[0].name);
    fill(place, h("span", {}, "What does it show?"), others.map((item) => h("button", { ...small, onclick: () => say(item.name) }, item.title)));
    place.querySelector("button").focus();
  };
  async function say(label) {
    try {
      await post(`/api/predictions/${answer.id}/feedback`, { label });
      fill(place, icon("check-circle"), h("span", { role: "status" }, `Thank you; noted as ${titleOf(spec, label)}.`), h("button", { ...small, onclick: ask }, "Change"));
      place.querySelector("button").focus();
    } catch (error) {
      fill(place, problem(error.message, { retry: () => say(label) }));
    }
  }
  ask();
  return place;
}
