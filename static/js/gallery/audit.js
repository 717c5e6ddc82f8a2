// The audit of a dataset: flaws that mislead a model, with the images that show them; and running it.
import { showJob } from "../components/job.js";
import { get, post } from "../lib/api.js";
import { fill, find, h } from "../lib/dom.js";
import { attempt, badge, empty, findingLine, gallery, picture, smallButton, thumbnail } from "../lib/elements.js";
import { count, percent } from "../lib/format.js";
import { list, plain, titleOf } from "../lib/labels.js";
import { hasEnded } from "../lib/poll.js";
import { auditLine } from "./audit-line.js";
import { showFinding } from "./gallery.js";
import { repairs } from "./repairs.js";

/** @type {Record<Api.Finding["severity"], Style>} */
const SEVERITIES = {
  critical: { tone: "bad", icon: "exclamation-circle", title: "Critical" },
  warning: { tone: "warn", icon: "exclamation-triangle", title: "Warning" },
  notice: { tone: "idle", icon: "info-circle", title: "Notice" },
};
/** @type {Record<string, string>} */
const TITLES = {
  corrupt_files: "Unreadable files", unlabelled_files: "Files without a label", exact_duplicates: "Exact duplicates",
  conflicting_labels: "Conflicting labels", imbalance: "Class imbalance", tiny_images: "Tiny images",
  odd_shapes: "Unusual aspect ratios", patients_on_both_sides: "Patients in several splits", augmented_copies: "Augmented copies",
  near_duplicates: "Near-duplicates", duplicates_across_classes: "Duplicates across classes",
  duplicates_across_splits: "Duplicates across splits", one_camera_class: "Class from one camera",
  told_by_file: "File properties reveal the class", told_by_light: "Brightness or colour reveals the class", label_errors: "Possible label errors",
};
const SHOWN = 8; // pictures, or pairs, of a finding at first
/** @type {Api.Classifier} */
let spec;
let stop = () => {};

/** Show the last audit of the dataset, or the one that runs. @param {Api.Classifier} chosen */
export function showAudit(chosen) {
  stop();
  spec = chosen;
  return attempt(find("audit"), async () => {
    /** @type {[Api.Audit, Api.Job[]]} */
    const [audit, jobs] = await Promise.all([get(`/api/datasets/${chosen.name}/audit`), get("/api/jobs?kind=audit&limit=100")]);
    if (chosen !== spec) return;
    const running = jobs.find((job) => job.classifier === chosen.name && !hasEnded(job));
    if (running) follow(chosen, running.id);
    else draw(audit);
  });
}

/** @param {Api.Audit} audit */
function draw(audit) {
  if (!audit.images) {
    fill(find("audit"), empty("images", "Nothing to audit yet. Add images; the audit then looks for duplicates, wrong labels and features that reveal the class."));
    return;
  }
  fill(find("audit"), state(audit), audit.findings.length > 0 && h("ul", { class: "findings" }, audit.findings.map(finding)));
}

/** What the audit does not know, or that all is well. @param {Api.Audit} audit */
function state(audit) {
  const { complete, stale, findings } = audit;
  const line = auditLine({ ...audit, findings: [] });
  if (!line || (complete && !stale && findings.length)) return undefined;
  const again = (!complete || stale) && h("button", { type: "button", class: "btn btn-sm btn-primary text-nowrap", onclick: start }, complete ? "Run the audit again" : "Run the audit");
  return findingLine(line, again);
}

/** @param {Api.Finding} finding */
function finding({ kind, severity, count: n, message, files = [], pairs = [], images = [] }) {
  const style = SEVERITIES[severity];
  const pictures = pairs.length && images.length === 2 * pairs.length
    ? pairs.map((pair, i) => couple(kind, pair, images[2 * i], images[2 * i + 1]))
    : images.map((sha256, i) => picture(source(sha256), pairs[i]?.file ?? files[i] ?? "", doubt(pairs[i]), repairs(spec, kind, pairs[i], [sha256])));
  return h("li", { class: `audit-finding tone-${style.tone}` },
    h("div", { class: "audit-head" }, h("h3", {}, TITLES[kind] ?? plain(kind)), badge(style), h("span", { class: "quiet" }, `${count(n)} found`),
      images.length > 0 && smallButton("Show among the images", () => showFinding(kind, TITLES[kind] ?? plain(kind)))),
    h("p", {}, message),
    pictures.length > 0 ? gallery(pictures, SHOWN) : files.length > 0 && h("details", {}, h("summary", {}, "Show files"), h("ul", {}, files.map((file) => h("li", {}, file)))));
}

/** @param {string} sha256 */
const source = (sha256) => `/api/datasets/${spec.name}/images/${sha256}`;

/** @param {Api.AuditPair | undefined} pair @returns {Child} */
const doubt = (pair) => pair?.looks_like
  && h("span", {}, h("b", {}, titleOf(spec, pair.label)), h("br"), `looks like ${titleOf(spec, pair.looks_like)}, ${percent(pair.probability, 0)}`);

/** @param {string} kind @param {Api.AuditPair} pair @param {string} one @param {string} two */
function couple(kind, pair, one, two) {
  const { first, second, labels, splits, mirrored } = pair;
  const differences = [mirrored && "mirrored", labels[0] !== labels[1] && list(labels.map((name) => titleOf(spec, name))), splits[0] !== splits[1] && list(splits.map((name) => name ?? "no split"))];
  return h("figure", { class: "couple" }, thumbnail(source(one), first, { title: first }), thumbnail(source(two), second, { title: second }),
    h("figcaption", {}, differences.filter(Boolean).join(", ") || "duplicates"), repairs(spec, kind, pair, [one, two]));
}

/** @param {Event} event */
function start({ currentTarget: button }) {
  const chosen = spec;
  if (button instanceof HTMLButtonElement) button.disabled = true;
  return attempt(find("audit"), async () => {
    const { job_id: id } = await post(`/api/datasets/${chosen.name}/audit`);
    if (chosen === spec) follow(chosen, id);
  });
}

/** @param {Api.Classifier} chosen @param {string} id */
function follow(chosen, id) {
  stop = showJob(find("audit"), id, (job) => {
    if (job.status === "succeeded" && chosen === spec) showAudit(chosen);
  });
}
