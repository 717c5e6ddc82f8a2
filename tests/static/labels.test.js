import assert from "node:assert/strict";
import { test } from "node:test";

import { decisionOf, explain, headlineOf, list, namesNoClass, plain, quality, titleOf } from "../../static/js/lib/labels.js";

/** @type {any} */
const spec = { positive: "dr", classes: [{ name: "dr", title: "Diabetic retinopathy" }, { name: "no_dr", title: "No retinopathy" }] };
const answer = { predicted_class: "dr", prediction_set: ["dr", "no_dr"], quality: { score: 0.2, gradable: false, reasons: ["blurred", "too dark"] } };

test("a headline names the classes, unless the image is no case for the model", () => {
  assert.equal(headlineOf({ ...answer, decision: "refer" }, spec).title, "Refer: Diabetic retinopathy");
  assert.equal(headlineOf({ ...answer, decision: "uncertain" }, spec).title, "Uncertain: Diabetic retinopathy or No retinopathy");
  assert.equal(headlineOf({ ...answer, prediction_set: [], decision: "uncertain" }, spec).title, "Uncertain: no class fits");
  assert.equal(headlineOf({ ...answer, predicted_class: "no_dr", prediction_set: ["dr"], decision: "refer" }, spec).title, "Refer: Diabetic retinopathy");
  assert.equal(headlineOf({ ...answer, decision: "out_of_distribution" }, spec).title, "Not this kind of image");
  assert.deepEqual(["refer", "ungradable", "out_of_distribution"].map(namesNoClass), [false, true, true]);
});

test("every decision is explained", () => {
  for (const decision of ["refer", "no_refer", "accept", "uncertain", "ungradable", "out_of_distribution"]) {
    assert.match(explain({ ...answer, decision }, spec), /^[A-Z].+\.$/);
  }
  assert.match(explain({ ...answer, prediction_set: [], decision: "uncertain" }, spec), /fits none of the classes/);
  assert.match(explain({ ...answer, prediction_set: ["no_dr"], decision: "uncertain" }, spec), /^Only No retinopathy is possible, but/);
});

test("names that the page does not know are shown as they are", () => {
  assert.equal(titleOf(spec, "cat"), "cat");
  assert.equal(titleOf(undefined, null), "");
  assert.equal(decisionOf("novel").title, "novel");
  assert.equal(quality(["blurred", "upside down"]), "The photograph cannot be graded: it is blurred and upside down.");
});

test("words are listed as in a sentence", () => {
  assert.deepEqual([list([]), list(["a"]), list(["a", "b"]), list(["a", "b", "c"], "or")], ["", "a", "a and b", "a, b or c"]);
  assert.equal(plain("near_duplicates"), "Near duplicates");
});

test("grades that are all referred are one clear answer, named together", () => {
  /** @type {any} */
  const grades = { ordinal: true, refer_from: "g2", positive: null, classes: ["g0", "g1", "g2", "g3"].map((name) => ({ name, title: name.toUpperCase() })) };
  const found = headlineOf({ decision: "refer", predicted_class: "g2", prediction_set: ["g2", "g3"] }, grades);
  assert.equal(found.title, "Refer: G2 or G3");
  assert.match(explain({ decision: "refer", prediction_set: ["g2", "g3"], quality: { score: 1, gradable: true, reasons: [] } }, grades), /The probability of “G2” or worse is above/);
  assert.equal(headlineOf({ decision: "no_refer", predicted_class: "g0", prediction_set: ["g0"] }, grades).title, "No referral: G0");
});
