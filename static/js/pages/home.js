// Home: how good each classifier is, what runs, what wants attention.
import { get } from "../lib/api.js";
import { empty, fill, find, h, icon, problem, settle } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { headline } from "../components/metrics.js";
import { badge, subject } from "../components/job.js";
import { whileVisible } from "../lib/poll.js";
import { KINDS } from "../lib/labels.js";

const PLACES = { retrain: "train", bulk_predict: "bulk", audit: "data" };

async function showCards() {
  const cards = document.querySelectorAll("[data-classifier]");
  try {
    const champions = new Map((await get("/api/classifiers")).map(({ name, champion }) => [name, champion]));
    await Promise.all([...cards].map((card) => showCard(card, champions.get(card.dataset.classifier))));
  } catch (error) {
    cards.forEach((card) => fill(card.querySelector("[data-figure]"), problem(error.message, { link: error.link })));
  }
}

async function showCard(card, champion) {
  const figure = card.querySelector("[data-figure]");
  if (!champion) {
    fill(figure, empty("mortarboard", "No model yet: add images of each class, then train one."));
    const first = card.querySelector("[data-first]");
    first.href = `/data?classifier=${card.dataset.classifier}`;
    fill(first, icon("folder2-open"), "Add images");
    return;
  }
  try {
    const info = await get(`/api/model-info?classifier=${card.dataset.classifier}`);
    fill(figure, headline(info.metrics, "accuracy"),
      h("span", { class: "quiet" }, `on ${count(info.metrics.n)} test images, version ${info.version}`),
      info.demo && h("span", { class: "badge tone-odd" }, "Demonstration model"));
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
      badge(job.status), `${KINDS[job.kind]}, ${title(job.classifier)}`,
      h("span", { class: "quiet" }, [subject(job), `${Math.floor(job.progress.percent)} %`].filter(Boolean).join(", ")))));
    fill(place, rows.length ? h("ul", { class: "job-list" }, rows) : empty("check-circle", "Nothing runs or waits."));
  } catch (error) {
    fill(place, problem(error.message, { link: error.link }));
  }
}

/** What wants attention now, the gravest first; nothing where all is well. */
async function showAttention() {
  const [health, feedback, versions] = await Promise.all(
    ["/api/health", "/api/feedback?limit=0", "/api/models"].map((url) => get(url).catch(() => null)));
  const items = [...troubles(health), ...challengers(versions ?? []), ...corrections(feedback?.waiting ?? {})];
  fill(find("attention"), items.length === 0 ? calm(versions ?? []) : h("ul", { class: "attention" }, items.map(({ tone, icon: name, text, href, action }) =>
    h("li", { class: `finding tone-${tone}` }, icon(name), h("span", {}, text), h("a", { class: "btn btn-sm btn-outline-secondary", href }, action)))));
}

const calm = (versions) => (versions.every(({ demo }) => demo)
  ? empty("eye", "Nothing waits. Begin with a sample on ", h("a", { href: "/predict" }, "Predict"), ", then ", h("a", { href: "/data" }, "add photographs of your own"), ": the models here know drawings only.")
  : empty("check-circle", "All is well: nothing waits for you."));

function troubles(health) {
  if (!health) return [{ tone: "bad", icon: "exclamation-circle", text: "A model or the database cannot be reached, so predictions may fail.", href: "/monitor", action: "Monitor" }];
  const wrong = Object.entries(health.checks).filter(([, found]) => found !== "ok").map(([name, found]) => `${name}: ${found}`);
  if (health.queue !== "ok") wrong.push("The queue is down: predictions go on, jobs wait until it is back.");
  else if (!health.workers) wrong.push("No worker is running: jobs wait until one is started.");
  return wrong.map((text) => ({ tone: "warn", icon: "exclamation-triangle", text, href: "/monitor", action: "Monitor" }));
}

const challengers = (versions) => versions.filter(({ aliases }) => aliases.includes("challenger")).map(({ classifier, version }) => {
  const champion = versions.find((row) => row.classifier === classifier && row.aliases.includes("champion"));
  return { tone: "warn", icon: "question-circle", text: `${title(classifier)}: version ${version} waits for your decision.`, action: "Compare",
    href: `/models?classifier=${classifier}&version=${version}${champion ? `&against=${champion.version}` : ""}` };
});

const corrections = (waiting) => Object.entries(waiting).map(([classifier, n]) => (
  { tone: "idle", icon: "hand-thumbs-up", text: `${title(classifier)}: ${plural(n, "judged answer")} can become training images.`, action: "Look",
    href: `/data?classifier=${classifier}#feedback-title` }));

const title = (name) => document.querySelector(`[data-classifier="${name}"] [data-title]`)?.textContent ?? name;

const cards = showCards();
whileVisible(5, async () => {
  await Promise.all([cards, showRunning(), showAttention()]);
  settle();
});
