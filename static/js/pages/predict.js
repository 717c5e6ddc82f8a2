// Predict: images in, answers out.
import { answerCard } from "../components/answer.js";
import { pickClassifier } from "../components/classifier-picker.js";
import { address } from "../lib/address.js";
import { ApiError, post } from "../lib/api.js";
import { fill, find, findInput, h } from "../lib/dom.js";
import { problem } from "../lib/elements.js";
import { takeFiles } from "../lib/files.js";
import { headlineOf } from "../lib/labels.js";

const AT_ONCE = 2;
const SIMILAR = "5"; // training images beside an answer
/** @type {Api.Classifier} */
let spec;
/** @typedef {{ file: File, name: string, place: HTMLElement }} Item an image and where its answer comes */

/** @param {Api.Classifier} chosen */
function change(chosen) {
  spec = chosen;
  find("description").textContent = spec.description;
  const samples = spec.classes.flatMap(({ title, drawing }) => (drawing ? [sample(title, drawing)] : []));
  fill(find("samples"), samples.length ? samples : h("p", { class: "quiet" }, "This classifier has no samples."));
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
  const asked = spec;
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

/** @param {Item} item @param {Api.Classifier} asked @returns {Promise<void>} */
async function show({ file, name, place }, asked) {
  const form = new FormData();
  form.append("file", file);
  form.append("classifier", asked.name);
  form.append("explain", "true");
  if (findInput("similar").checked) form.append("similar", SIMILAR);
  try {
    const found = await post("/api/predict", form);
    place.replaceWith(answerCard({ ...found, feedback: null }, asked, { source: URL.createObjectURL(file), name }));
    find("announce").textContent = `${name}: ${headlineOf(found, asked).title}.`;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const link = error.status === 404 ? { href: address("/train", { classifier: asked.name }), text: "Train a model" } : error.link;
    const card = h("div", { class: "panel refused" }, h("p", { class: "refused-name" }, name));
    const retry = () => {
      card.replaceWith(place);
      return show({ file, name, place }, asked);
    };
    card.append(problem(error.message, { retry: error.isTransient ? retry : undefined, link }));
    place.replaceWith(card);
  }
}

if (await pickClassifier(change)) takeFiles(predict);
