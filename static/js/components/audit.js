// The audit of a dataset: what would fool a model, with the pictures that show it; and running it.
import { get, post } from "../lib/api.js";
import { empty, fill, find, h, icon, showProblem } from "../lib/dom.js";
import { count, percent } from "../lib/format.js";
import { showJob } from "./job.js";
import { picture, strip } from "../lib/gallery.js";
import { hasEnded } from "../lib/poll.js";
import { list, plain, titleOf } from "../lib/labels.js";

const SEVERITIES = {
  critical: { tone: "bad", icon: "exclamation-circle", title: "Critical" },
  warning: { tone: "warn", icon: "exclamation-triangle", title: "Warning" },
  notice: { tone: "idle", icon: "info-circle", title: "Notice" },
};
const TITLES = {
  corrupt_files: "Files that cannot be read", unlabelled_files: "Files without a label", exact_duplicates: "The same file twice",
  conflicting_labels: "The same file in two classes", imbalance: "Too few of a class", tiny_images: "Tiny images",
  odd_shapes: "Odd shapes", patients_on_both_sides: "Patients in more than one split", augmented_copies: "Mirrored, turned or resized copies",
  near_duplicates: "Images that show the same", duplicates_across_classes: "The same image in two classes",
  duplicates_across_splits: "The same image in two splits", one_camera_class: "A class from one camera",
  told_by_file: "A class that its files give away", told_by_light: "A class that its light gives away", label_errors: "Labels to look at again",
};
const SHOWN = 8; // pictures, or pairs, of a finding at first
let spec, stop = () => {};

/** Show the last audit of the dataset, or the one that runs. */
export async function showAudit(chosen) {
  stop();
  spec = chosen;
  try {
    const [audit, jobs] = await Promise.all([get(`/api/datasets/${chosen.name}/audit`), get("/api/jobs?kind=audit&limit=100")]);
    if (chosen !== spec) return;
    const running = jobs.find((job) => job.classifier === chosen.name && !hasEnded(job));
    if (running) follow(chosen, running.id);
    else draw(audit);
  } catch (error) {
    showProblem(find("audit"), error, { retry: () => showAudit(chosen) });
  }
}

/** Say in a line what the last audit found; `null` where there is nothing to look at. */
export function auditLine({ findings, complete, stale, images }) {
  if (!images) return null;
  const grave = findings.filter(({ severity }) => severity !== "notice").length;
  if (grave) return { tone: "warn", icon: "exclamation-triangle", text: `The audit has ${count(grave)} ${grave === 1 ? "warning" : "warnings"}.` };
  if (!complete || stale) return { tone: "idle", icon: "info-circle", text: "The images have not been audited as they are now." };
  return { tone: "good", icon: "check-circle", text: "The audit found nothing grave." };
}

function draw(audit) {
  const { findings, images } = audit;
  if (!images) {
    fill(find("audit"), empty("images", "Nothing to look at yet: add images above, then the audit looks for copies, wrong labels and signs of the camera."));
    return;
  }
  fill(find("audit"), state(audit), findings.length > 0 && h("ul", { class: "findings" }, findings.map(finding)));
}

function state({ findings, complete, stale }) {
  const [tone, name, text] = !complete
    ? ["idle", "info-circle", "Nobody has looked at the images yet for copies, wrong labels, and signs of the camera that would fool a model."]
    : stale
      ? ["idle", "info-circle", "The images have changed since the audit looked at them."]
      : findings.length ? [null] : ["good", "check-circle", "The audit looked at every image and found nothing wrong."];
  const again = (!complete || stale) && h("button", { type: "button", class: "btn btn-sm btn-primary text-nowrap", onclick: start }, complete ? "Run it again" : "Run the audit");
  return tone && h("div", { class: `finding tone-${tone}` }, icon(name), h("span", {}, text), again);
}

function finding({ kind, severity, count: n, message, files = [], pairs = [], images = [] }) {
  const { tone, icon: name, title } = SEVERITIES[severity];
  const pictures = pairs.length && images.length === 2 * pairs.length ? pairs.map((pair, i) => couple(pair, images.slice(2 * i, 2 * i + 2)))
    : images.map((sha256, i) => picture(`/api/datasets/${spec.name}/images/${sha256}`, pairs[i]?.file ?? files[i] ?? "", doubt(pairs[i])));
  return h("li", { class: `audit-finding tone-${tone}` },
    h("div", { class: "audit-head" }, h("h3", {}, TITLES[kind] ?? plain(kind)), h("span", { class: `badge tone-${tone}` }, icon(name), title),
      h("span", { class: "quiet" }, `${count(n)} found`)),
    h("p", {}, message),
    pictures.length > 0 ? strip(pictures, SHOWN) : files.length > 0 && h("details", {}, h("summary", {}, "The files"), h("ul", {}, files.map((file) => h("li", {}, file)))));
}

const doubt = (pair) => pair?.looks_like
  ? h("span", {}, h("b", {}, titleOf(spec, pair.label)), h("br"), `looks like ${titleOf(spec, pair.looks_like)}, ${percent(pair.probability, 0)}`) : "";

function couple({ first, second, labels, splits, mirrored }, [one, two]) {
  const how = [mirrored && "mirrored", labels[0] !== labels[1] && list(labels.map((name) => titleOf(spec, name))), splits[0] !== splits[1] && list(splits.map((name) => name ?? "no split"))];
  const source = (sha256) => `/api/datasets/${spec.name}/images/${sha256}`;
  return h("figure", { class: "couple" }, h("img", { src: source(one), alt: first, title: first, width: 96, height: 96, loading: "lazy" }),
    h("img", { src: source(two), alt: second, title: second, width: 96, height: 96, loading: "lazy" }),
    h("figcaption", {}, how.filter(Boolean).join(", ") || "the same twice"));
}

async function start() {
  const chosen = spec;
  try {
    const { job_id: id } = await post(`/api/datasets/${chosen.name}/audit`);
    if (chosen === spec) follow(chosen, id);
  } catch (error) {
    showProblem(find("audit"), error, { retry: start });
  }
}

function follow(chosen, id) {
  stop = showJob(find("audit"), id, (job) => {
    if (job.status === "succeeded" && chosen === spec) showAudit(chosen);
  });
}
