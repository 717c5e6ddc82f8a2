// The choice of a classifier: in the address, remembered, and the same on every page.
import { get } from "../lib/api.js";
import { find, settle, showProblem } from "../lib/dom.js";

const KEY = "fovea-classifier";

export const parameter = (name) => new URLSearchParams(location.search).get(name);

/** Set or drop a parameter of the page's address, without a new entry in the history. */
export function setParameter(name, value) {
  const url = new URL(location.href);
  if (value) url.searchParams.set(name, value);
  else url.searchParams.delete(name);
  history.replaceState(null, "", url);
}

/** Call `onChange(spec)` now and whenever another classifier is chosen. Returns {specs, choose}, or null after an error. */
export async function pickClassifier(onChange) {
  const select = find("classifier");
  let specs;
  try {
    specs = new Map((await get("/api/classifiers")).map((spec) => [spec.name, spec]));
  } catch (error) {
    showProblem(find("problems"), error, { retry: () => location.reload() });
    settle();
    return null;
  }
  const wanted = parameter("classifier") ?? remembered();
  if (specs.has(wanted)) select.value = wanted;
  const change = () => {
    remember(select.value);
    onChange(specs.get(select.value));
  };
  select.addEventListener("change", () => {
    setParameter("classifier", select.value);
    change();
  });
  change();
  return {
    specs,
    choose(name) {
      if (!specs.has(name) || name === select.value) return;
      select.value = name;
      change();
    },
  };
}

function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function remember(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // storage is switched off: the address still holds the choice
  }
}
