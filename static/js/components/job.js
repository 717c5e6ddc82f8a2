// A job: how far it is, its end, and what can be done about it.
import { get, post, remove } from "../lib/api.js";
import { empty, fill, h, icon, problem } from "../lib/dom.js";
import { count, duration, plural, time } from "../lib/format.js";
import { follow, hasEnded } from "../lib/poll.js";
import { KINDS, capital, statusOf } from "../lib/labels.js";

/** Show a job in `place` until it ends, telling `onJob` every state; `about(job)` says what it works on.

    Returns a function that stops it. */
export function showJob(place, id, onJob, about = () => "") {
  const stop = new AbortController();
  const announce = h("p", { class: "visually-hidden", role: "status" });
  const panel = h("div");
  const trouble = h("div");
  fill(place, panel, trouble, announce);
  let stage;

  const start = () =>
    follow(id, (job) => {
      fill(trouble);
      draw(panel, job, act, about(job));
      const now = `${statusOf(job.status).title}: ${job.progress.stage}`;
      if (now !== stage) announce.textContent = stage = now; // told once for each stage, not every second
      onJob(job);
    }, { signal: stop.signal, onTrouble: (error) => fill(trouble, problem(error.message, { link: error.link ?? (error.status === 404 && { href: location.pathname, text: "Show what there is" }) })) });

  async function act(call) {
    try {
      await call;
      start();
    } catch (error) {
      fill(trouble, problem(error.message, { link: error.link }));
    }
  }
  start();
  return () => stop.abort();
}

/** List earlier jobs of a kind in `place`, with what `tell(job)` says of them; a click opens one. Returns the jobs. */
export async function listJobs(place, kind, classifier, current, open, tell = subject) {
  const jobs = (await get(`/api/jobs?kind=${kind}&limit=200`)).filter((job) => !classifier || job.classifier === classifier);
  const rows = jobs.slice(0, 8).map((job) => h("li", {},
    h("button", { type: "button", class: "job-link", "aria-current": job.id === current ? "true" : null, onclick: () => open(job) },
      badge(job.status), time(job.created_at), h("span", { class: "quiet" }, tell(job)))));
  fill(place, rows.length ? h("ul", { class: "job-list" }, rows) : empty("clock", "None yet."));
  return jobs;
}

export function badge(status) {
  const { tone, icon: name, title } = statusOf(status);
  return h("span", { class: `badge tone-${tone}` }, icon(name), title);
}

export const subject = (job) =>
  job.kind === "retrain" ? plural(job.params.epochs, "epoch") : job.kind === "audit" ? "" : plural(job.progress.total, "image");

function draw(panel, job, act, about) {
  const { percent, stage, done, total, eta_seconds: eta } = job.progress;
  const url = `/api/jobs/${job.id}`;
  const active = !hasEnded(job);
  const failure = job.status === "failed" ? job.errors.findLast((error) => error.file === null) : null;
  const focused = panel.contains(document.activeElement);
  fill(panel,
    h("div", { class: "job" },
      h("div", { class: "job-head" }, badge(job.status), h("strong", {}, KINDS[job.kind] ?? job.kind),
        h("span", { class: "quiet" }, about && `${about}, `, time(job.created_at)),
        active && h("button", { type: "button", class: "btn btn-sm btn-outline-secondary", disabled: job.cancel_requested, onclick: () => act(remove(url)) },
          job.cancel_requested ? "Stopping …" : "Cancel"),
        ["failed", "cancelled"].includes(job.status) &&
          h("button", { type: "button", class: "btn btn-sm btn-primary", onclick: () => act(post(`${url}/retry`)) }, icon("arrow-clockwise"), " Retry")),
      h("div", { class: `job-bar tone-${statusOf(job.status).tone}`, role: "progressbar", "aria-label": "Progress", "aria-valuemin": 0,
        "aria-valuemax": 100, "aria-valuenow": Math.round(percent), vars: { "--value": percent / 100 } }),
      h("p", { class: "job-line" },
        h("span", {}, active ? `${capital(stage)}${total ? `, ${count(done)} of ${count(total)}` : ""}` : ended(job)),
        h("span", {}, active && eta !== null ? `about ${duration(eta)} left` : "", active ? h("b", {}, `${Math.floor(percent)} %`) : "")),
      failure && problem(failure.reason)));
  if (focused) panel.querySelector("button")?.focus();
}

function ended(job) {
  if (!job.started_at || !job.finished_at) return "It had not begun.";
  const took = duration((new Date(job.finished_at) - new Date(job.started_at)) / 1000);
  return job.status === "succeeded" ? `Done in ${took}.` : `Ended after ${took}.`;
}
