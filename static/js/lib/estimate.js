// How long a training run will take, from how long those before it took.
import { duration } from "./format.js";

const total = (counts) => Object.values(counts ?? {}).reduce((sum, value) => sum + value, 0);

/** A sentence about the time that a run with these settings needs; `jobs` are earlier runs, the newest first. */
export function estimate(jobs, { backbone, mode, epochs }, summary) {
  const like = jobs.find(({ status, params, result }) =>
    status === "succeeded" && params.backbone === backbone && params.mode === mode && result.metrics?.n);
  if (!like) return "No run with these settings has been timed yet.";
  const took = (new Date(like.finished_at) - new Date(like.started_at)) / 1000;
  // Most of a run is proportional to the images, and of a whole network's also to the epochs.
  const images = summary ? total(summary.counts.test) / like.result.metrics.n : 1;
  const passes = mode === "full" ? epochs / like.params.epochs : 1;
  return `About ${duration(Math.max(took * images * passes, Math.min(took, 10)))}, going by the run before${mode === "full" ? "; less if it stops early" : ""}.`;
}
