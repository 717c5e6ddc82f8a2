// What needs attention: faults, failed jobs, drift, versions to decide on, feedback to review.
import { address } from "../lib/address.js";
import { KINDS, PAGES } from "../lib/labels.js";
import { plural } from "../lib/format.js";
import { hasEnded } from "../lib/poll.js";
import { failureOf } from "./job.js";

const DAYS = 7; // a failed job is news for so long, unless the next of its kind succeeds
const DAY = 24 * 3600 * 1000;
/** @typedef {(classifier: string) => string} TitleOf the title of a classifier */

/** What is wrong with the service; `health` is null where it does not answer. @param {Api.Health | null} health @returns {Attention[]} */
export function faults(health) {
  const monitor = { href: "/monitor", action: "Open Monitor" };
  if (!health) return [{ tone: "bad", icon: "exclamation-circle", text: "A model or the database is unavailable. Predictions may fail.", ...monitor }];
  const wrong = Object.entries(health.checks).filter(([, found]) => found !== "ok").map(([name, found]) => `${name}: ${found}`);
  if (health.queue !== "ok") wrong.push("The queue is down. Predictions work; jobs wait until it is back.");
  else if (!health.workers) wrong.push("No worker is running. Jobs wait until one starts.");
  return wrong.map((text) => ({ tone: "warn", icon: "exclamation-triangle", text, ...monitor }));
}

/**
 * The failed jobs that no later job of the same kind and classifier has made good.
 *
 * @param {Api.Job[]} jobs the newest first
 * @param {TitleOf} title
 * @param {number} [now] milliseconds
 * @returns {Attention[]}
 */
export function failedJobs(jobs, title, now = Date.now()) {
  const newest = new Map();
  for (const job of jobs) {
    const key = `${job.kind} ${job.classifier}`;
    if (hasEnded(job) && job.status !== "cancelled" && !newest.has(key)) newest.set(key, job);
  }
  return [...newest.values()]
    .filter(({ status, finished_at: end }) => status === "failed" && now - Date.parse(end ?? "") < DAYS * DAY)
    .map((job) => ({ tone: "bad", icon: "exclamation-circle", action: "View", href: jobAddress(job),
      text: `${title(job.classifier)}: ${KINDS[/** @type {Api.JobKind} */ (job.kind)].toLowerCase()} failed. ${failureOf(job) ?? ""}`.trim() }));
}

/** The classifiers whose images differ from the training images. @param {Api.Drift[]} found @param {TitleOf} title @returns {Attention[]} */
export const drifts = (found, title) => found.filter(({ verdict }) => verdict === "drifted" || verdict === "watch").map(({ classifier, verdict }) => ({
  tone: verdict === "drifted" ? "warn" : "idle",
  icon: verdict === "drifted" ? "exclamation-triangle" : "activity",
  text: `${title(classifier)}: recent images ${verdict === "drifted" ? "differ" : "are starting to differ"} from the training images.`,
  href: `${address("/monitor", { classifier })}#drift-title`, action: "View drift",
}));

/** The versions that a person must decide on. @param {Api.Version[]} versions @param {TitleOf} title @returns {Attention[]} */
export const challengers = (versions, title) => versions.filter(({ aliases }) => aliases.includes("challenger")).map(({ classifier, version }) => {
  const champion = versions.find((row) => row.classifier === classifier && row.aliases.includes("champion"));
  return { tone: "warn", icon: "question-circle", text: `${title(classifier)}: decide whether version ${version} should serve.`, action: "Compare",
    href: address("/models", { classifier, version, against: champion?.version }) };
});

/** The feedback that can become training images. @param {Record<string, number>} waiting @param {TitleOf} title @returns {Attention[]} */
export const feedbackToReview = (waiting, title) => Object.entries(waiting).map(([classifier, n]) => (
  { tone: "idle", icon: "hand-thumbs-up", text: `${title(classifier)}: ${plural(n, "answer")} with feedback to review.`, action: "Review",
    href: `${address("/data", { classifier })}#feedback-title` }));

/** The page that shows a job. @param {Pick<Api.Job, "id" | "kind" | "classifier">} job */
export const jobAddress = ({ id, kind, classifier }) => address(`/${PAGES[kind]}`, { classifier, job: id });
