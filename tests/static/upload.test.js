import assert from "node:assert/strict";
import { test } from "node:test";

import { inNaturalOrder, walk } from "../../static/js/lib/files.js";
import { PART_FILES, cutIntoParts, filesOf, folderOf } from "../../static/js/lib/upload.js";

/** @param {string} path @param {number} [size] @returns {any} */
const taken = (path, size = 1) => ({ path, file: { name: path.split("/").at(-1), size } });
const paths = (/** @type {TakenFile[]} */ files) => files.map(({ path }) => path);

test("every part carries the tables above its images, and no other", () => {
  const images = Array.from({ length: PART_FILES + 1 }, (_, n) => taken(`a/train/${n}.jpg`));
  const parts = cutIntoParts([...images, taken("b/1.jpg")], [taken("a/labels.csv"), taken("b/labels.csv"), taken("c/labels.csv")], [taken("x.zip")]);
  assert.deepEqual(parts.map(({ files, tables }) => [files.length, paths(tables)]),
    [[PART_FILES, ["a/labels.csv"]], [2, ["a/labels.csv", "b/labels.csv"]], [1, []]]);
  assert.deepEqual(paths(cutIntoParts([taken("1.jpg")], [taken("labels.csv")], [])[0].tables), ["labels.csv"]);
});

test("a part is no larger than a call may be, unless one file is", () => {
  const parts = cutIntoParts([30e6, 30e6, 90e6, 10e6].map((size, n) => taken(`${n}.jpg`, size)), [], []);
  assert.deepEqual(parts.map(({ bytes }) => bytes), [30e6, 30e6, 90e6, 10e6]);
});

test("files of one path are each found once", () => {
  const found = [taken("a.jpg", 1), taken("b.jpg"), taken("a.jpg", 2)];
  assert.deepEqual(filesOf(found, ["a.jpg", "a.jpg", "a.jpg", "c.jpg"]).map(({ file }) => file.size), [1, 2]);
  assert.deepEqual(["eyes/dr/a.jpg", "a.jpg"].map(folderOf), ["eyes/dr/", ""]);
});

test("files are in the order in which people count", () => {
  const names = ["p10/left.jpg", "p2/right.jpg", "p2/left.jpg", "2.jpg", "p2 b/left.jpg", "p2/left2.jpg"];
  assert.deepEqual(paths(inNaturalOrder(names.map((name) => taken(name)))), ["2.jpg", "p2/left.jpg", "p2/left2.jpg", "p2/right.jpg", "p2 b/left.jpg", "p10/left.jpg"]);
});

test("a dropped folder gives the paths of its files", async () => {
  const file = (/** @type {string} */ name) => ({ isFile: true, name, file: (/** @type {Function} */ done) => done({ name }) });
  const folder = (/** @type {string} */ name, /** @type {object[]} */ ...children) => ({
    name, createReader: () => ({ readEntries: (/** @type {Function} */ done) => done(children.splice(0, 1)) }), // in parts, as browsers do
  });
  const entry = /** @type {any} */ (folder("eyes", folder("p1", file("left.jpg"), file("right.jpg")), folder("p2", file("left.jpg"))));
  assert.deepEqual(paths(await walk(entry, "")), ["eyes/p1/left.jpg", "eyes/p1/right.jpg", "eyes/p2/left.jpg"]);
});
