// What the interface's short words mean, in sentences.

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
export const GRAVEST_FIRST = ["refer", "uncertain", "ungradable", "out_of_distribution", "error", "no_refer", "accept", "waiting"];

const QUALITY = {
  blurred: "it is blurred",
  noisy: "it is noisy",
  "too dark": "it is too dark",
  "too bright": "it is too bright",
  "low contrast": "its contrast is low",
  "field cut off": "part of the field is cut off",
  "no retina found": "no retina can be found in it",
};

const STATUS = {
  queued: { tone: "idle", icon: "clock", title: "Waiting" },
  running: { tone: "busy", icon: "activity", title: "Running" },
  succeeded: { tone: "good", icon: "check-circle", title: "Done" },
  failed: { tone: "bad", icon: "exclamation-circle", title: "Failed" },
  cancelled: { tone: "idle", icon: "x-circle", title: "Cancelled" },
};

export const KINDS = { bulk_predict: "Bulk prediction", audit: "Audit", retrain: "Training" };

export const titleOf = (spec, name) => spec?.classes.find((item) => item.name === name)?.title ?? name;
export const decisionOf = (name) => DECISIONS[name] ?? { tone: "idle", icon: "info-circle", title: name };
export const statusOf = (name) => STATUS[name] ?? { tone: "idle", icon: "info-circle", title: name };

/** The decision about an answer with what it is about, such as "Refer: Glaucoma". */
export function headlineOf({ decision, predicted_class: top, prediction_set: possible }, spec) {
  const found = decisionOf(decision);
  if (["out_of_distribution", "ungradable"].includes(decision)) return found;
  if (decision === "uncertain" && !possible.length) return { ...found, title: `${found.title}: none of the classes fits` };
  const one = decision === "refer" ? spec?.positive ?? top : possible[0] ?? top; // a rare disease need not be the likeliest class
  const about = decision === "uncertain" ? list(possible.map((name) => titleOf(spec, name)), "or") : titleOf(spec, one);
  return { ...found, title: `${found.title}: ${about}` };
}

/** Why the answer's decision is what it is. */
export function explain(answer, spec) {
  const positive = titleOf(spec, spec.positive);
  const sentences = {
    refer: `The probability of ${positive} is above the point from which a screening refers: a specialist should look.`,
    no_refer: `The probability of ${positive} is below the point from which a screening refers.`,
    accept: "One class stands out, and the image is of the kind that the model knows.",
    uncertain: unsure(answer, spec),
    ungradable: `${quality(answer.quality.reasons)} Take the photograph again.`,
    out_of_distribution: "It is unlike every image that the model was trained on, so the probabilities mean nothing here.",
  };
  return sentences[answer.decision] ?? "";
}

/** Why nothing clear can be said. */
function unsure({ prediction_set: possible }, spec) {
  if (!possible.length) return "It is like none of the classes as the model knows them: let a person decide.";
  if (possible.length === 1) return `Only ${titleOf(spec, possible[0])} is possible, but the operating point says otherwise: let a person decide.`;
  return `${list(possible.map((name) => titleOf(spec, name)))} remain possible: let a person decide.`;
}

export function quality(reasons) {
  const found = reasons.map((reason) => QUALITY[reason] ?? reason);
  return found.length ? `The photograph cannot be judged: ${list(found)}.` : "";
}

export function list(words, last = "and") {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
export const plain = (text) => capital(text.replaceAll("_", " "));
