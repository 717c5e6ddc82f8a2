import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { address } from "../../static/js/lib/address.js";
import { ApiError, call, newKey, parse, text } from "../../static/js/lib/api.js";
import { BulkResults } from "../../static/js/lib/bulk-results.js";
import { requestsByStatus } from "../../static/js/lib/prometheus.js";

/** @type {import("node:http").Server} */
let server;
let url = "";
before(async () => {
  server = createServer((request, response) => {
    if (request.url === "/wrong") response.writeHead(409, { "Content-Type": "application/problem+json" }).end('{"detail": "It is taken."}');
    else if (request.url === "/proxy") response.writeHead(502).end("<h1>Bad Gateway</h1>");
    else response.writeHead(202, { "Retry-After": "3" }).end(JSON.stringify({ method: request.method, headers: request.headers }));
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", () => ready(undefined)));
  url = `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`;
});
after(() => server.close());

test("an answer comes with the time to wait, and what was sent with its key", async () => {
  const { data, wait } = await call("POST", `${url}/`, { epochs: 1 }, { key: "abc" });
  assert.deepEqual([wait, data.method, data.headers["content-type"], data.headers["idempotency-key"]], [3, "POST", "application/json", "abc"]);
});

test("every failure is an ApiError with a sentence, which knows whether to try again", async () => {
  /** @param {RegExp} message @param {number} status @param {boolean} transient */
  const like = (message, status, transient) => (/** @type {unknown} */ error) =>
    error instanceof ApiError && message.test(error.message) && error.status === status && error.isTransient === transient;
  await assert.rejects(call("GET", `${url}/wrong`), like(/^It is taken\.$/, 409, false));
  await assert.rejects(text(`${url}/proxy`), like(/status 502 and gave no reason/, 502, true));
  await assert.rejects(call("GET", "http://127.0.0.1:1/"), like(/cannot be reached/, 0, true));
  assert.throws(() => parse(200, "<html>"), like(/other than JSON/, 200, false));
  assert.equal(new ApiError("It is taken.", 409).link, undefined);
});

test("who must sign in comes back to the page", () => {
  Object.assign(globalThis, { location: new URL("http://fovea.example/models?version=2") });
  assert.deepEqual(new ApiError("Sign in first.", 401).link, { href: "/login?next=%2Fmodels%3Fversion%3D2", text: "Sign in" });
});

test("a key for a request is new every time", () => {
  assert.match(newKey(), /^[0-9a-f]{32}$/);
  assert.notEqual(newKey(), newKey());
});

test("an address leaves out what is not given, and quotes the rest", () => {
  assert.equal(address("/predict", {}), "/predict");
  assert.equal(address("/api/jobs", { offset: 0, kind: "", q: "a&b", none: null, not: undefined }), "/api/jobs?offset=0&q=a%26b");
});

test("bulk results are counted by decision and class", () => {
  const results = new BulkResults("a/b");
  results.counts = [
    { decision: "refer", predicted_class: "dr", images: 3 }, { decision: "refer", predicted_class: "no_dr", images: 1 }, { decision: "error", predicted_class: null, images: 2 }];
  assert.deepEqual([results.total("", ""), results.total("refer", ""), results.total("refer", "dr"), results.total("", "dr")], [6, 4, 3, 3]);
  assert.equal(results.csv("refer", ""), "/api/jobs/a%2Fb/results?format=csv&decision=refer");
});

test("requests are counted by what became of them", () => {
  const line = (/** @type {number} */ status, /** @type {number} */ n) => `fovea_requests_total{endpoint="x",status="${status}"} ${n}.0`;
  assert.deepEqual(requestsByStatus([line(200, 7), line(404, 2), line(429, 1), line(503, 1), "fovea_other{} 5"].join("\n")), { all: 11, rejected: 3, failed: 1 });
});
