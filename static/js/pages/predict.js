// Predict: images in, answers out.
import { answerCard } from "../components/answer.js";
import { pickClassifier } from "../components/classifier-picker.js";
import { address } from "../lib/address.js";
import { ApiError, post } from "../lib/api.js";
import { fill, find, findInput, h } from "../lib/dom.js";
import { problem } from "../lib/elements.js";
import { takeFiles } from "../lib/files.js";
import { URGENT_FIRST, headlineOf } from "../lib/labels.js";

const AT_ONCE = 2;
const STRANGE = "out_of_distribution";
const SIMILAR = "5"; // training images beside an answer
/** @type {Api.Classifier[]} */
let chosen; // one, or all
/** @typedef {{ file: File, name: string, place: HTMLElement }} Item an image and where its answer comes */

/** @param {Api.Classifier[]} specs @param {string} description */
function change(specs, description) {
  chosen = specs;
  find("description").textContent = description;
  const drawings = new Map(specs.flatMap(({ classes }) => classes).map(({ title, drawing }) => [drawing, title]));
  const samples = [...drawings].flatMap(([drawing, title]) => (drawing ? [sample(title, drawing)] : []));
  fill(find("samples"), samples.length ? samples : h("p", { class: "quiet" }, "There are no samples."));
}

/** @param {string} title @param {string} drawing */
function sample(title, drawing) {
  const source = `/static/samples/${drawing}.jpg`;
  return h("button", { type: "button", class: "sample", onclick: () => trySample(source, `Sample: ${title}`) },
    h("img", { src: source, alt: "", width: 96, height: 96 }), h("span", {}, title));
}

/** @param {string} source @param {string} name */
async function trySample(source, name) {
  const answer = await fetch(source).catch(() => undefined);
  if (!answer?.ok) {
    fill(find("problems"), problem("The sample could not be loaded. Check the connection, then try again."));
    return;
  }
  const data = await answer.blob();
  predict([{ file: new File([data], source.split("/").at(-1) ?? "", { type: data.type }), name }]);
}

/** Predict the files in turn, a few at a time; each has its place on the page from the beginning. @param {{ file: File, name?: string }[]} found */
async function predict(found) {
  const asked = chosen;
  fill(find("problems"));
  find("empty").hidden = true;
  const waiting = found.map(({ file, name = file.name }) => ({ file, name, place: h("div", { class: "panel answer waiting", "aria-busy": "true" }, `Predicting ${name} …`) }));
  find("results").prepend(...waiting.map(({ place }) => place));
  waiting[0].place.scrollIntoView({ block: "nearest", behavior: "smooth" });
  const next = async () => {
    for (let item = waiting.shift(); item; item = waiting.shift()) await show(item, asked);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

/** @param {Item} item @param {Api.Classifier[]} asked @returns {Promise<void>} */
async function show({ file, name, place }, asked) {
  const form = new FormData();
  form.append("file", file);
  form.append("classifier", asked.length > 1 ? "all" : asked[0].name);
  form.append("explain", "true");
  if (findInput("similar").checked) form.append("similar", SIMILAR);
  try {
    const found = await post("/api/predict", form);
    const given = asked.length > 1 ? found : { answers: { [asked[0].name]: found }, unanswered: {} };
    place.replaceWith(...cards(given, asked, URL.createObjectURL(file), name));
    find("announce").textContent = `${name}: ${headlines(given, asked).join("; ")}.`;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const link = error.status === 404 ? { href: address("/train", { classifier: asked[0].name }), text: "Train a model" } : error.link;
    const refused = refusal(name, problem(error.message, { retry: error.isTransient ? retry : undefined, link }));
    function retry() {
      refused.replaceWith(place);
      return show({ file, name, place }, asked);
    }
    place.replaceWith(refused);
  }
}

/** A card for each classifier, the most urgent first, those for another kind of image last. @param {Api.Answers} found @param {Api.Classifier[]} asked @param {string} source @param {string} name */
function cards({ answers, unanswered }, asked, source, name) {
  const answered = asked.filter((spec) => answers[spec.name]);
  const order = [...URGENT_FIRST.filter((decision) => decision !== STRANGE), STRANGE];
  const urgency = (/** @type {Api.Classifier} */ spec) => order.indexOf(answers[spec.name].decision);
  const heading = (/** @type {Api.Classifier} */ spec) => (asked.length > 1 ? `${spec.title} · ${name}` : name);
  return [
    ...answered.sort((one, other) => urgency(one) - urgency(other)).map((spec) =>
      answerCard({ ...answers[spec.name], filename: null, feedback: null, patient: null, eye: null, reviews: [] }, spec, { source, name: heading(spec) })),
    ...asked.filter((spec) => unanswered[spec.name]).map((spec) =>
      refusal(heading(spec), problem(unanswered[spec.name], { link: { href: address("/train", { classifier: spec.name }), text: "Train a model" } }))),
  ];
}

/** What the answers say, in a few words each. @param {Api.Answers} found @param {Api.Classifier[]} asked */
const headlines = ({ answers }, asked) => asked.filter((spec) => answers[spec.name]).map((spec) =>
  (asked.length > 1 ? `${spec.title}: ` : "") + headlineOf(answers[spec.name], spec).title);

/** @param {string} name @param {HTMLElement} reason */
const refusal = (name, reason) => h("div", { class: "panel refused" }, h("p", { class: "refused-name" }, name), reason);

const ready = await pickClassifier(
  (spec) => change([spec], spec.description),
  (specs) => change(specs, "Asks every classifier about the same image. Those for another kind of image say so."),
);
if (ready) takeFiles(predict);
