import assert from "node:assert/strict";
import { test } from "node:test";

import { ago, bytes, chance, count, duration, interval, percent, plural, progress, secondsTaken, signed } from "../../static/js/lib/format.js";

/** The narrow space between a number and its unit, as a plain one. @param {string} text */
const plain = (text) => text.replaceAll("\u202f", " ");

test("what is missing is a dash, never NaN or zero", () => {
  assert.deepEqual([count(null), percent(undefined), interval(null)], ["–", "–", "–"]);
});

test("a probability is never told as certain", () => {
  assert.deepEqual([1, 0.99951, 0.5, 0.0001, 0].map((share) => plain(chance(share))), ["> 99.9 %", "> 99.9 %", "50.0 %", "< 0.1 %", "< 0.1 %"]);
});

test("progress is 100 % only at the end", () => {
  assert.deepEqual([99.99, 100].map((share) => plain(progress(share))), ["99 %", "100 %"]);
});

test("numbers, intervals and sizes have units that fit them", () => {
  assert.equal(plain(interval([0.4385, 1])), "43.9 to 100.0 %");
  assert.deepEqual([-2.44, 0.05].map((value) => signed(value)), ["−2.4", "+0.1"]);
  assert.deepEqual([0, 999, 1_500_000, 2_340_000_000].map((value) => plain(bytes(value))), ["0 B", "999 B", "2 MB", "2.3 GB"]);
  assert.deepEqual([plural(1, "image"), plural(1200, "image")], ["1 image", "1,200 images"]);
});

test("a duration has its two largest units", () => {
  assert.deepEqual([-1, 59.4, 61, 3700, 200_000].map((seconds) => plain(duration(seconds))), ["0 s", "59 s", "1 min 1 s", "1 h 1 min", "2 days"]);
  assert.equal(plain(ago(Date.now() - 5000)), "5 s ago");
});

test("the time of a job is known once it has ended", () => {
  const from = "2026-01-01T00:00:00+00:00";
  assert.equal(secondsTaken({ started_at: from, finished_at: "2026-01-01T00:01:30+00:00" }), 90);
  assert.equal(secondsTaken({ started_at: from, finished_at: null }), undefined);
});
