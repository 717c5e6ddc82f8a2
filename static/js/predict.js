// Predict: images in, answers out.
import { post } from "./api.js";
import { answerCard } from "./answer.js";
import { fill, find, h, problem } from "./dom.js";
import { takeFiles } from "./files.js";
import { pickClassifier } from "./picker.js";
import { headlineOf } from "./words.js";

const AT_ONCE = 2;
const SIMILAR = 5; // training images beside an answer
let spec;

function change(chosen) {
  spec = chosen;
  find("description").textContent = spec.description;
  const drawn = spec.classes.filter((item) => item.drawing);
  fill(find("samples"), drawn.length ? drawn.map(sample) : h("p", { class: "quiet" }, "There are none of this classifier."));
}

function sample({ title, drawing }) {
  const source = `/static/samples/${drawing}.jpg`;
  return h("button", { type: "button", class: "sample", onclick: () => trySample(source, `Sample: ${title}`) },
    h("img", { src: source, alt: "", width: 96, height: 96 }), h("span", {}, title));
}

async function trySample(source, name) {
  try {
    const data = await (await fetch(source)).blob();
    ask([{ file: new File([data], source.split("/").at(-1), { type: data.type }), name }]);
  } catch {
    fill(find("problems"), problem("The sample cannot be loaded; check the connection, then click it again."));
  }
}

/** Ask about the files in turn, a few at a time; each has its place on the page from the beginning. */
async function ask(found) {
  const asked = spec;
  fill(find("problems"));
  find("empty").hidden = true;
  const waiting = found.map(({ file, name }) => ({ file, name: name ?? file.name, place: h("div", { class: "panel answer waiting", "aria-busy": "true" }, `Looking at ${name ?? file.name} …`) }));
  find("results").prepend(...waiting.map(({ place }) => place));
  waiting[0].place.scrollIntoView({ block: "nearest", behavior: "smooth" });
  const next = async () => {
    for (let item = waiting.shift(); item; item = waiting.shift()) await answer(item, asked);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

async function answer({ file, name, place }, asked) {
  const form = new FormData();
  form.append("file", file);
  form.append("classifier", asked.name);
  form.append("explain", "true");
  if (find("similar").checked) form.append("similar", SIMILAR);
  try {
    const found = await post("/api/predict", form);
    place.replaceWith(answerCard(found, asked, { source: URL.createObjectURL(file), name }));
    find("announce").textContent = `${name}: ${headlineOf(found, asked).title}.`;
  } catch (error) {
    const link = error.status === 404 ? { href: `/train?classifier=${asked.name}`, text: "Train a model" } : error.link;
    const retry = error.status >= 500 || !error.status ? () => (card.replaceWith(place), answer({ file, name, place }, asked)) : undefined;
    const card = h("div", { class: "panel refused" }, h("p", { class: "refused-name" }, name), problem(error.message, { retry, link }));
    place.replaceWith(card);
  }
}

if (await pickClassifier(change)) takeFiles(ask);
