// Settings of a classifier: its titles, classes and decisions; deleting it.
import { pickClassifier } from "../components/classifier-picker.js";
import { address } from "../lib/address.js";
import { patch, remove } from "../lib/api.js";
import { fill, find, h, icon } from "../lib/dom.js";
import { attempt, findingLine, notice } from "../lib/elements.js";
import { capital, list, plain } from "../lib/labels.js";

const CROPS = { pad: "All of it, with black borders", center: "The central square", stretch: "All of it, stretched to a square", retina: "The round retina" };
const POLICIES = { auto: "Promote if no worse", manual: "Ask me", never: "Save only" };
const POINTS = { balanced: "Sensitivity and specificity together", f1: "The best F1" };
const SENSITIVITY = "sensitivity";

/** @param {string} id @param {string} label @param {HTMLElement} control @param {string} [hint] */
const field = (id, label, control, hint) => {
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "field" }, h("label", { class: "form-label", for: id }, label), control, hint && h("p", { class: "form-text", id: `${id}-hint` }, hint));
};
/** @param {string} value @param {Properties} [more] */
const input = (value, more = {}) => h("input", { class: "form-control", value, autocomplete: "off", ...more });
/** @param {Record<string, string>} options @param {string} chosen */
const select = (options, chosen) => h("select", { class: "form-select", autocomplete: "off" },
  Object.entries(options).map(([value, text]) => h("option", { value, selected: value === chosen }, text)));

/** @param {Api.Classifier} spec */
function show(spec) {
  find("description").textContent = spec.description;
  fill(find("problems"));
  const yaml = h("a", { class: "btn btn-outline-secondary", href: `/api/classifiers/${spec.name}/spec.yaml`, download: `${spec.name}.yaml` }, icon("download"), " Download as YAML");
  if (spec.editable) return fill(find("settings"), form(spec, yaml), deletion(spec));
  const why = spec.source === "builtin" ? "This classifier is built in and cannot be changed." : "This classifier is in a file of CLASSIFIERS_DIR. Change the file.";
  return fill(find("settings"), notice(why), h("div", { class: "actions" }, yaml));
}

/** @param {Api.Classifier} spec @param {HTMLElement} yaml */
function form(spec, yaml) {
  const { sensitivity, best } = spec.operating_point;
  const title = input(spec.title, { maxlength: 120, required: true });
  const description = h("textarea", { class: "form-control", rows: 2, maxlength: 2000, required: true }, spec.description);
  const titles = spec.classes.map((each) => input(each.title, { maxlength: 120, required: true }));
  const more = input("", { maxlength: 40, pattern: "[a-z][a-z0-9_]*", placeholder: "rust" });
  const positive = select({ "": "None", ...Object.fromEntries(spec.classes.map(({ name, title: text }) => [name, text])) }, spec.positive ?? "");
  const point = select({ "": "Default", ...POINTS, [SENSITIVITY]: "A sensitivity" }, sensitivity === null ? best ?? "" : SENSITIVITY);
  const wanted = input(String(sensitivity ?? 0.95), { type: "number", min: 0.5, max: 0.999, step: 0.001 });
  const coverage = input(String(spec.coverage), { type: "number", min: 0.51, max: 0.999, step: "any", required: true });
  const [crop, policy, said] = [select(CROPS, spec.preprocessing.crop), select(POLICIES, spec.promotion.policy), h("div", { role: "status" })];
  const decision = () => (point.value === SENSITIVITY ? { sensitivity: wanted.valueAsNumber } : point.value ? { best: point.value } : null);
  const changes = () => ({
    title: title.value, description: description.value, coverage: coverage.valueAsNumber, positive: positive.value || null, operating_point: decision(),
    classes: [...spec.classes.map(({ name }, at) => ({ name, title: titles[at].value })), ...(more.value ? [more.value] : [])],
    preprocessing: { crop: crop.value }, promotion: { policy: policy.value },
  });
  /** @param {Event} event */
  const save = (event) => {
    event.preventDefault();
    fill(find("problems"));
    return attempt(find("problems"), async () => {
      /** @type {Api.Classifier & { takes_effect: Record<string, string> }} */
      const after = await patch(`/api/classifiers/${spec.name}`, changes());
      show(after);
      const place = find("settings").querySelector("[role=status]");
      if (place) fill(place, findingLine({ tone: "good", icon: "check-circle", text: told(after.takes_effect) }));
      for (const option of document.querySelectorAll("#classifier option")) if (option.getAttribute("value") === spec.name) option.textContent = after.title;
    }, {});
  };
  const group = (/** @type {string} */ legend, /** @type {Child[]} */ ...fields) => h("fieldset", {}, h("legend", { class: "small-title" }, legend), h("div", { class: "form-grid" }, fields));
  return h("form", { onsubmit: save },
    group("Titles", field("own-title", "Title", title), field("own-description", "Description", description)),
    group("Classes", spec.classes.map(({ name }, at) => field(`class-${name}`, `Title of ${name}`, titles[at])),
      field("more", "Add a class", more, "Its name: a to z, 0 to 9 and _. It counts from the next training.")),
    group("Decisions (from the next training)",
      field("positive", "Class that a screening refers", positive),
      field("point", "Refer at", point), field("sensitivity", "Sensitivity", wanted, "Used with “A sensitivity”, from 0.5 to 0.999."),
      field("coverage", "Coverage of prediction sets", coverage, "Of each class, the share of images whose set holds it."),
      field("crop", "Part of the image that is used", crop), field("policy", "After training", policy)),
    h("div", { class: "actions" }, h("button", { type: "submit", class: "btn btn-primary" }, "Save"), yaml), said);
}

/** When the changes take effect, as a sentence. @param {Record<string, string>} effects */
function told(effects) {
  const moments = [...new Set(Object.values(effects))];
  const parts = moments.map((moment) => `${list(Object.keys(effects).filter((name) => effects[name] === moment).map((name) => plain(name).toLowerCase()))}: in effect ${moment === "now" ? moment : `from ${moment}`}`);
  return parts.length ? `Saved. ${capital(parts.join("; "))}.` : "Nothing has changed.";
}

/** @param {Api.Classifier} spec */
function deletion(spec) {
  const typed = input("", { required: true, maxlength: 40 });
  /** @param {Event} event */
  const erase = (event) => {
    event.preventDefault();
    return attempt(find("problems"), async () => {
      await remove(address(`/api/classifiers/${spec.name}`, { confirm: typed.value.trim() }));
      location.assign("/");
    }, {});
  };
  return h("details", { class: "danger" }, h("summary", {}, "Delete this classifier"),
    h("form", { onsubmit: erase }, h("p", {}, "This deletes its images, models, predictions and jobs, for good."),
      field("confirm", `Write ${spec.name} to confirm`, typed),
      h("div", { class: "actions" }, h("button", { type: "submit", class: "btn btn-outline-danger" }, "Delete"))));
}

await pickClassifier(show);
