// Home: how good each classifier is, what runs, what wants attention.
import { get } from "./api.js";
import { empty, fill, find, h, icon, problem } from "./dom.js";
import { count } from "./format.js";
import { headline } from "./figures.js";
import { badge, subject } from "./job.js";
import { whileVisible } from "./poll.js";
import { KINDS } from "./words.js";

const PLACES = { retrain: "train", bulk_predict: "bulk" };

async function showCards() {
  const cards = document.querySelectorAll("[data-classifier]");
  try {
    const champions = new Map((await get("/api/classifiers")).map(({ name, champion }) => [name, champion]));
    cards.forEach((card) => showCard(card, champions.get(card.dataset.classifier)));
  } catch (error) {
    cards.forEach((card) => fill(card.querySelector("[data-figure]"), problem(error.message, { link: error.link })));
  }
}

async function showCard(card, champion) {
  const figure = card.querySelector("[data-figure]");
  if (!champion) {
    fill(figure, empty("mortarboard", "No model yet: add images and train one."));
    return;
  }
  try {
    const info = await get(`/api/model-info?classifier=${card.dataset.classifier}`);
    fill(figure, headline(info.metrics, "accuracy"),
      h("span", { class: "quiet" }, `on ${count(info.metrics.n)} test images, version ${info.version}`));
    if (info.demo) fill(card.querySelector("[data-badge]"), h("span", { class: "badge tone-odd" }, "Demonstration"));
  } catch (error) {
    fill(figure, problem(error.message, { link: error.link }));
  }
}

async function showRunning() {
  const place = find("running");
  try {
    const found = await Promise.all(["running", "queued"].map((status) => get(`/api/jobs?status=${status}&limit=5`)));
    const jobs = found.flat();
    const rows = jobs.map((job) => h("li", {}, h("a", { class: "job-link", href: `/${PLACES[job.kind]}?classifier=${job.classifier}&job=${job.id}` },
      badge(job.status), `${KINDS[job.kind]}, ${job.classifier.replaceAll("_", " ")}`,
      h("span", { class: "quiet" }, `${subject(job)}, ${Math.floor(job.progress.percent)} %`))));
    fill(place, rows.length ? h("ul", { class: "job-list" }, rows) : empty("check-circle", "Nothing runs or waits."));
  } catch (error) {
    fill(place, problem(error.message, { link: error.link }));
  }
}

async function showAttention() {
  const place = find("attention");
  const health = await get("/api/health").catch(() => null);
  if (!health) return fill(place);
  const wrong = Object.entries(health.checks).filter(([, found]) => found !== "ok").map(([name, found]) => `${name}: ${found}`);
  if (health.queue !== "ok") wrong.push("The queue is down: predictions go on, jobs wait until it is back.");
  else if (!health.workers) wrong.push("No worker is running: jobs wait until one is started.");
  fill(place, wrong.length > 0 && h("div", { class: "alert alert-warning problem" }, icon("exclamation-triangle"), h("p", {}, wrong.join(" ")),
    h("a", { class: "btn btn-sm btn-outline-secondary", href: "/monitor" }, "Monitor")));
}

showCards();
whileVisible(5, () => Promise.all([showRunning(), showAttention()]));
