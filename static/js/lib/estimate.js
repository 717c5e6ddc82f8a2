// How long a training run will take, from how long an earlier one took.
import { duration, secondsTaken, sum } from "./format.js";

const LEAST = 10; // seconds that a run takes at least, however few the images

/**
 * A sentence about the time that a run with these settings needs.
 *
 * @param {Api.Job[]} jobs earlier runs, the newest first
 * @param {Pick<Api.TrainingSettings, "backbone" | "mode" | "epochs">} settings
 * @param {Pick<Api.DatasetSummary, "counts"> | undefined} summary
 */
export function estimate(jobs, { backbone, mode, epochs }, summary) {
  const earlier = jobs.find(({ status, params, result }) =>
    status === "succeeded" && params.backbone === backbone && params.mode === mode && result?.metrics?.n);
  const took = earlier && secondsTaken(earlier);
  if (!earlier?.result || took === undefined) return "No estimate yet: no run with these settings has finished.";
  // Most of a run is proportional to the images, and of a whole network's also to the epochs.
  const images = summary ? sum(summary.counts.test) / earlier.result.metrics.n : 1;
  const passes = mode === "full" ? epochs / earlier.params.epochs : 1;
  const seconds = Math.max(took * images * passes, Math.min(took, LEAST));
  return `About ${duration(seconds)}, based on an earlier run${mode === "full" ? "; less if it stops early" : ""}.`;
}
