// Home: how good each classifier is, what runs, what needs attention.
import { challengers, drifts, failedJobs, faults, feedbackToReview, jobAddress } from "../components/attention.js";
import { subject } from "../components/job.js";
import { headline, tested } from "../lib/metrics.js";
import { address } from "../lib/address.js";
import { get } from "../lib/api.js";
import { fill, find, h, icon, settle } from "../lib/dom.js";
import { attempt, badge, empty } from "../lib/elements.js";
import { progress } from "../lib/format.js";
import { KINDS, statusOf } from "../lib/labels.js";
import { poll } from "../lib/poll.js";

const SECONDS = 5;
const DRIFT_SECONDS = 60; // drift changes slowly, and one call for each classifier is many
const JOBS = 100; // the newest, among which failed ones are looked for
/** @type {{ at: number, found: Promise<(Api.Drift | null)[]> } | undefined} */
let drift;

/** @param {string} name */
const title = (name) => document.querySelector(`[data-classifier="${name}"] [data-title]`)?.textContent ?? name;
/** An answer that the page can do without. @param {string} url */
const optional = (url) => get(url).catch(() => null);

function showCards() {
  const cards = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-classifier]")]);
  if (!cards.length) return undefined;
  return attempt(figureOf(cards[0]), async () => {
    /** @type {Api.Classifier[]} */
    const classifiers = await get("/api/classifiers");
    const served = new Map(classifiers.map(({ name, champion }) => [name, champion]));
    await Promise.all(cards.map((card) => showCard(card, served.get(card.dataset.classifier ?? ""))));
  });
}

/** @param {HTMLElement} card @returns {HTMLElement} */
const figureOf = (card) => card.querySelector("[data-figure]") ?? card;

/** @param {HTMLElement} card @param {number | null | undefined} champion */
function showCard(card, champion) {
  const classifier = card.dataset.classifier;
  const figure = figureOf(card);
  if (champion) {
    return attempt(figure, async () => {
      /** @type {Api.ModelInfo} */
      const { metrics, version, demo } = await get(address("/api/model-info", { classifier }));
      fill(figure, headline(metrics, "accuracy"), h("span", {}, tested(metrics.n), h("span", { class: "quiet" }, `, version ${version}`)),
        demo && h("span", { class: "badge tone-odd" }, "Demonstration model"));
    });
  }
  fill(figure, empty("mortarboard", "No model yet. Add images of each class, then train one."));
  const first = card.querySelector("a");
  if (first) {
    first.href = address("/data", { classifier });
    fill(first, icon("folder2-open"), "Add images");
  }
  return undefined;
}

function showRunning() {
  return attempt(find("running"), async () => {
    /** @type {Api.Job[][]} */
    const found = await Promise.all(["running", "queued"].map((status) => get(address("/api/jobs", { status, limit: 5 }))));
    const rows = found.flat().map((job) => h("li", {}, h("a", { class: "job-link", href: jobAddress(job) },
      badge(statusOf(job.status)), `${KINDS[job.kind]}, ${title(job.classifier)}`,
      h("span", { class: "quiet" }, [subject(job), progress(job.progress.percent)].filter(Boolean).join(", ")))));
    fill(find("running"), rows.length ? h("ul", { class: "job-list" }, rows) : empty("check-circle", "No jobs are running or waiting."));
  });
}

/** The drift of every classifier that has a champion, read once a minute. */
function readDrift() {
  if (drift && Date.now() - drift.at < 1000 * DRIFT_SECONDS) return drift.found;
  const read = async () => {
    /** @type {Api.Classifier[]} */
    const classifiers = (await optional("/api/classifiers")) ?? [];
    return Promise.all(classifiers.filter(({ champion }) => champion).map(({ name }) => optional(`/api/drift/${name}`)));
  };
  drift = { at: Date.now(), found: read() };
  return drift.found;
}

/** What needs attention now, the most urgent first. */
async function showAttention() {
  const [health, feedback, versions, jobs, found] = await Promise.all([
    optional("/api/health"), optional("/api/feedback?limit=0"), optional("/api/models"), optional(address("/api/jobs", { limit: JOBS })), readDrift()]);
  const items = [...faults(health), ...failedJobs(jobs ?? [], title), ...drifts(found.filter((row) => row !== null), title),
    ...challengers(versions ?? [], title), ...feedbackToReview(feedback?.waiting ?? {}, title)];
  fill(find("attention"), items.length === 0 ? calm(versions ?? []) : h("ul", { class: "attention" }, items.map(({ tone, icon: name, text, href, action }) =>
    h("li", { class: `finding tone-${tone}` }, icon(name), h("span", {}, text), h("a", { class: "btn btn-sm btn-outline-secondary", href }, action)))));
}

/** @param {Api.Version[]} versions */
const calm = (versions) => (versions.every(({ demo }) => demo)
  ? empty("eye", "No problems. The included models know drawings only: try a sample on ", h("a", { href: "/predict" }, "Predict"), ", then ", h("a", { href: "/data" }, "add your own photographs"), ".")
  : empty("check-circle", "No problems."));

const cards = showCards();
poll(async () => {
  await Promise.all([cards, showRunning(), showAttention()]);
  settle();
  return SECONDS;
});
