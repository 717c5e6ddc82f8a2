import assert from "node:assert/strict";
import { test } from "node:test";

import { comparison } from "../../static/js/components/promotion.js";
import { suffices } from "../../static/js/components/dataset-summary.js";
import { estimate } from "../../static/js/lib/estimate.js";

const settings = { backbone: "small", mode: "full", epochs: 20 };
/** @type {any} */
const earlier = { status: "succeeded", params: { ...settings, epochs: 10 }, result: { metrics: { n: 50 } }, started_at: "2026-01-01T00:00:00Z", finished_at: "2026-01-01T00:01:00Z" };
const summary = { counts: { test: { cat: 50, dog: 50 } } };

test("a run is estimated from an earlier one, by its images and epochs", () => {
  assert.match(estimate([earlier], settings, summary), /^About 4.min 0.s, based on an earlier run; less if it stops early\.$/);
  assert.match(estimate([earlier], { ...settings, mode: "head" }, summary), /^No estimate yet/);
  assert.match(estimate([{ ...earlier, status: "failed" }], settings, summary), /^No estimate yet/);
});

test("a comparison says what its interval means", () => {
  const figures = { metric: "accuracy", champion: 0.9, challenger: 0.95, images: 200, champion_version: 2 };
  /** @type {[Api.Interval, RegExp][]} */
  const cases = [[[0.01, 0.09], /is better\.$/], [[-0.09, -0.01], /is worse\.$/], [[-0.01, 0.11], /due to chance\.$/]];
  for (const [interval, meaning] of cases) assert.match(comparison({ ...figures, interval }) ?? "", meaning);
  assert.equal(comparison({ ...figures, interval: null }), undefined);
  assert.equal(comparison(undefined), undefined);
});

test("training needs ten images of every class", () => {
  assert.deepEqual([suffices({ classes: { cat: 10, dog: 10 } }), suffices({ classes: { cat: 9, dog: 100 } })], [true, false]);
});
