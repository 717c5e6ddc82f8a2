import assert from "node:assert/strict";
import { test } from "node:test";

import { challengers, drifts, failedJobs, faults } from "../../static/js/components/attention.js";

const NOW = Date.parse("2026-03-10T12:00:00Z");
const title = (/** @type {string} */ name) => `The ${name}`;
/** @param {Partial<Api.Job>} given @returns {any} */
const job = (given) => ({ id: "j", kind: "retrain", classifier: "glaucoma", status: "failed", finished_at: "2026-03-10T11:00:00Z", errors: [], ...given });

test("a failed job is named with its reason and its page", () => {
  const [found, ...others] = failedJobs([job({ errors: [{ file: null, reason: "The disk is full." }] })], title, NOW);
  assert.equal(found.text, "The glaucoma: training failed. The disk is full.");
  assert.equal(found.href, "/train?classifier=glaucoma&job=j");
  assert.deepEqual(others, []);
});

test("a later success, of the same kind and classifier alone, makes a failure good", () => {
  const failed = job({});
  assert.equal(failedJobs([job({ status: "succeeded" }), failed], title, NOW).length, 0);
  assert.equal(failedJobs([job({ status: "succeeded", kind: "audit" }), failed], title, NOW).length, 1);
  assert.equal(failedJobs([job({ status: "succeeded", classifier: "cat_dog" }), failed], title, NOW).length, 1);
  assert.equal(failedJobs([job({ status: "running" }), job({ status: "cancelled" }), failed], title, NOW).length, 1);
});

test("a failure is no news after a week", () => {
  assert.equal(failedJobs([job({ finished_at: "2026-03-01T11:00:00Z" })], title, NOW).length, 0);
});

test("drift is shown where the images differ", () => {
  const of = (/** @type {Api.Drift["verdict"]} */ verdict) => ({ classifier: "cat_dog", predictions: 50, images: 50, needed: 30, verdict, measures: {} });
  assert.deepEqual(["stable", "too_few", "watch", "drifted"].map((verdict) => drifts([of(/** @type {any} */ (verdict))], title).map(({ tone }) => tone)), [[], [], ["idle"], ["warn"]]);
});

test("what is down is said, and all is well where nothing is", () => {
  const well = { checks: { database: "ok", models: "ok" }, queue: "ok", workers: 2 };
  assert.deepEqual(faults(well), []);
  assert.match(faults({ ...well, workers: 0 })[0].text, /No worker/);
  assert.match(faults({ ...well, queue: "down", workers: 0 })[0].text, /queue is down/);
  assert.equal(faults(null)[0].tone, "bad");
});

test("a challenger is compared with the champion of its own classifier", () => {
  const row = (/** @type {string} */ classifier, /** @type {number} */ version, /** @type {string[]} */ aliases) => /** @type {any} */ ({ classifier, version, aliases });
  const [found] = challengers([row("cat_dog", 1, ["champion"]), row("glaucoma", 3, ["challenger"]), row("glaucoma", 2, ["champion"])], title);
  assert.equal(found.href, "/models?classifier=glaucoma&version=3&against=2");
});
