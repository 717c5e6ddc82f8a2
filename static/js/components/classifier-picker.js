// The choice of a classifier: in the address, remembered, and the same on every page.
import { parameter, setParameter } from "../lib/address.js";
import { get } from "../lib/api.js";
import { find, findSelect, settle } from "../lib/dom.js";
import { attempt } from "../lib/elements.js";

const KEY = "fovea-classifier";
const ALL = "all"; // what the interface calls all classifiers

/** @typedef {{ specs: Map<string, Api.Classifier>, choose: (name: string) => void }} Picker */

/**
 * Call `onChange` now and whenever another classifier is chosen.
 *
 * @param {(spec: Api.Classifier) => unknown} onChange
 * @param {(specs: Api.Classifier[]) => unknown} [onAll] called instead where all classifiers are chosen, if the page offers that
 * @returns {Promise<Picker | null>} null where the classifiers could not be read; the page says so
 */
export async function pickClassifier(onChange, onAll) {
  const select = findSelect("classifier");
  /** @type {Api.Classifier[] | undefined} */
  const found = await attempt(find("problems"), () => get("/api/classifiers"), { retry: () => location.reload() });
  if (!found) {
    settle();
    return null;
  }
  const specs = new Map(found.map((spec) => [spec.name, spec]));
  const wanted = parameter("classifier") ?? remembered() ?? "";
  if (specs.has(wanted) || (onAll && wanted === ALL)) select.value = wanted;
  const change = () => {
    if (onAll && select.value === ALL) return onAll(found);
    const spec = specs.get(select.value);
    if (!spec) return location.reload(); // the page is older than the list of classifiers
    remember(spec.name);
    onChange(spec);
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

/** @param {string} name */
function remember(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // storage is switched off: the address still holds the choice
  }
}
