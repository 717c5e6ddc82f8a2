// The interface's names of decisions, states and reasons, as people read them.

/** @type {Record<string, Style>} */
const DECISIONS = {
  refer: { tone: "bad", icon: "arrow-right-circle", title: "Refer" },
  no_refer: { tone: "good", icon: "check-circle", title: "No referral" },
  accept: { tone: "brand", icon: "check-circle", title: "Clear answer" },
  uncertain: { tone: "warn", icon: "question-circle", title: "Uncertain" },
  ungradable: { tone: "warn", icon: "eye-slash", title: "Cannot be graded" },
  out_of_distribution: { tone: "odd", icon: "slash-circle", title: "Not this kind of image" },
  error: { tone: "bad", icon: "exclamation-circle", title: "Could not be read" },
  waiting: { tone: "idle", icon: "clock", title: "Waiting" },
};
export const URGENT_FIRST = ["refer", "uncertain", "ungradable", "out_of_distribution", "error", "no_refer", "accept", "waiting"];

/** @type {Record<string, string>} */
const QUALITY = {
  blurred: "it is blurred",
  noisy: "it is noisy",
  "too dark": "it is too dark",
  "too bright": "it is too bright",
  "low contrast": "its contrast is low",
  "field cut off": "part of the field is cut off",
  "no retina found": "no retina can be found in it",
};

/** @type {Record<string, Style>} */
const STATUS = {
  queued: { tone: "idle", icon: "clock", title: "Waiting" },
  running: { tone: "busy", icon: "activity", title: "Running" },
  succeeded: { tone: "good", icon: "check-circle", title: "Done" },
  failed: { tone: "bad", icon: "exclamation-circle", title: "Failed" },
  cancelled: { tone: "idle", icon: "x-circle", title: "Cancelled" },
};

/** @type {Record<Api.JobKind, string>} */
export const KINDS = { bulk_predict: "Bulk prediction", audit: "Audit", upload: "Upload", retrain: "Training" };
/** The page of each kind of job. @type {Record<Api.JobKind, string>} */
export const PAGES = { bulk_predict: "bulk", audit: "data", upload: "data", retrain: "train" };

/** Decisions that name no class: the probabilities say nothing about the image. @param {string} decision */
export const namesNoClass = (decision) => ["out_of_distribution", "ungradable"].includes(decision);

/** @param {Api.Classifier | undefined} spec @param {string | null | undefined} name @returns {string} */
export const titleOf = (spec, name) => spec?.classes.find((item) => item.name === name)?.title ?? name ?? "";
/** @param {string} name @returns {Style} */
export const decisionOf = (name) => DECISIONS[name] ?? { tone: "idle", icon: "info-circle", title: name };
/** @param {string} name @returns {Style} */
export const statusOf = (name) => STATUS[name] ?? { tone: "idle", icon: "info-circle", title: name };

/**
 * The decision about an answer with what it is about, such as "Refer: Glaucoma".
 *
 * @param {Pick<Api.Answer, "decision" | "predicted_class" | "prediction_set">} answer
 * @param {Api.Classifier} spec
 * @returns {Style}
 */
export function headlineOf({ decision, predicted_class: top, prediction_set: possible }, spec) {
  const found = decisionOf(decision);
  if (namesNoClass(decision)) return found;
  if (decision === "uncertain" && !possible.length) return { ...found, title: `${found.title}: no class fits` };
  const one = (decision === "refer" && spec.positive) || (possible[0] ?? top); // a rare disease need not be the likeliest class
  const several = decision === "uncertain" || (spec.ordinal && possible.length > 1);
  const about = several ? list(possible.map((name) => titleOf(spec, name)), "or") : titleOf(spec, one);
  return { ...found, title: `${found.title}: ${about}` };
}

/** What a screening refers. @param {Api.Classifier} spec */
export const referralOf = (spec) => (spec.refer_from ? `“${titleOf(spec, spec.refer_from)}” or worse` : titleOf(spec, spec.positive));

/**
 * Why the answer's decision is what it is.
 *
 * @param {Pick<Api.Answer, "decision" | "prediction_set" | "quality">} answer
 * @param {Api.Classifier} spec
 */
export function explain(answer, spec) {
  const positive = referralOf(spec);
  /** @type {Record<string, string>} */
  const sentences = {
    refer: `The probability of ${positive} is above the referral threshold. A specialist should examine the eye.`,
    no_refer: `The probability of ${positive} is below the referral threshold.`,
    accept: "One class stands out, and the image is similar to the training images.",
    uncertain: `${unsure(answer, spec)} A person should decide.`,
    ungradable: `${quality(answer.quality.reasons)} Take the photograph again.`,
    out_of_distribution: "The image differs too much from the training images. Ignore the probabilities.",
  };
  return sentences[answer.decision] ?? "";
}

/** Why nothing clear can be said. @param {Pick<Api.Answer, "prediction_set">} answer @param {Api.Classifier} spec */
function unsure({ prediction_set: possible }, spec) {
  const names = list(possible.map((name) => titleOf(spec, name)));
  if (!possible.length) return "The image fits none of the classes well enough.";
  return possible.length === 1 ? `Only ${names} is possible, but the referral threshold says otherwise.` : `${names} are all possible.`;
}

/** Why a photograph cannot be graded. @param {string[]} reasons */
export function quality(reasons) {
  const found = reasons.map((reason) => QUALITY[reason] ?? reason);
  return found.length ? `The photograph cannot be graded: ${list(found)}.` : "";
}

/** @param {string[]} words @param {string} [last] */
export function list(words, last = "and") {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}

/** @param {string} text */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
/** A name of the interface as words. @param {string} text */
export const plain = (text) => capital(text.replaceAll("_", " "));
