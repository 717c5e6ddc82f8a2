// A job: its progress, its end, and what can be done about it.
import { address } from "../lib/address.js";
import { get, post, remove } from "../lib/api.js";
import { fill, h, icon } from "../lib/dom.js";
import { attempt, badge, empty, problem, smallButton } from "../lib/elements.js";
import { count, duration, plural, progress, secondsTaken, time } from "../lib/format.js";
import { KINDS, capital, statusOf } from "../lib/labels.js";
import { followJob, hasEnded } from "../lib/poll.js";

/** @typedef {(call: () => Promise<unknown>) => unknown} Act */

/**
 * Show a job in `place` until it ends.
 *
 * @param {HTMLElement} place
 * @param {string} id
 * @param {(job: Api.Job) => unknown} onJob told every state
 * @param {(job: Api.Job) => string} [about] says what it works on
 * @returns {() => void} stops it
 */
export function showJob(place, id, onJob, about = () => "") {
  const announce = h("p", { class: "visually-hidden", role: "status" });
  const [panel, trouble] = [h("div"), h("div")];
  fill(place, panel, trouble, announce);
  let [stage, stop] = ["", () => {}];

  const start = () => {
    stop();
    stop = followJob(id, (job) => {
      fill(trouble);
      draw(panel, job, act, about(job));
      const now = `${statusOf(job.status).title}: ${job.progress.stage}`;
      if (now !== stage) announce.textContent = stage = now; // told once for each stage, not every second
      onJob(job);
    }, (error) => fill(trouble, problem(error.message, { link: error.link ?? (error.status === 404 ? { href: location.pathname, text: "Show all runs" } : undefined) })));
  };
  /** @type {Act} */
  const act = (call) => attempt(trouble, async () => {
    await call();
    start();
  });
  start();
  return () => stop();
}

/**
 * List earlier jobs of a kind in `place`; a click opens one.
 *
 * @param {HTMLElement} place
 * @param {Api.JobKind} kind
 * @param {{ classifier?: string, current?: string, open: (job: Api.Job) => unknown, tell?: (job: Api.Job) => string }} options
 *   `tell` says what a job works on
 * @returns {Promise<Api.Job[]>} none after an error, which `place` shows
 */
export async function listJobs(place, kind, { classifier, current, open, tell = subject }) {
  const jobs = await attempt(place, async () => {
    /** @type {Api.Job[]} */
    const found = await get(address("/api/jobs", { kind, limit: 200 }));
    return found.filter((job) => !classifier || job.classifier === classifier);
  }, {});
  if (!jobs) return [];
  const rows = jobs.slice(0, 8).map((job) => h("li", {},
    h("button", { type: "button", class: "job-link", "aria-current": job.id === current ? "true" : null, onclick: () => open(job) },
      badge(statusOf(job.status)), time(job.created_at), h("span", { class: "quiet" }, tell(job)))));
  fill(place, rows.length ? h("ul", { class: "job-list" }, rows) : empty("clock", "No runs yet."));
  return jobs;
}

/** @param {Api.Job} job */
export const subject = (job) =>
  job.kind === "retrain" ? plural(job.params.epochs, "epoch") : job.kind === "audit" ? "" : plural(job.kind === "upload" ? job.params.files : job.progress.total, job.kind === "upload" ? "file" : "image");

/** Why a job failed. @param {Pick<Api.Job, "status" | "errors">} job */
export const failureOf = ({ status, errors }) => (status === "failed" ? errors.findLast(({ file }) => file === null)?.reason : undefined);

/** @param {HTMLElement} panel @param {Api.Job} job @param {Act} act @param {string} about */
function draw(panel, job, act, about) {
  const { percent, stage, done, total, eta_seconds: eta } = job.progress;
  const active = !hasEnded(job);
  const failure = failureOf(job);
  const focused = panel.contains(document.activeElement);
  fill(panel,
    h("div", { class: "job" },
      h("div", { class: "job-head" }, badge(statusOf(job.status)), h("strong", {}, KINDS[job.kind] ?? job.kind),
        h("span", { class: "quiet" }, about && `${about}, `, time(job.created_at)), buttons(job, act)),
      h("div", { class: `job-bar tone-${statusOf(job.status).tone}`, role: "progressbar", "aria-label": "Progress", "aria-valuemin": 0,
        "aria-valuemax": 100, "aria-valuenow": Math.round(percent), vars: { "--value": percent / 100 } }),
      h("p", { class: "job-line" },
        h("span", {}, active ? `${capital(stage)}${total ? `, ${count(done)} of ${count(total)}` : ""}` : ended(job)),
        h("span", {}, active && eta !== null ? `about ${duration(eta)} left` : "", active && h("b", {}, progress(percent)))),
      failure && problem(failure)));
  if (focused) panel.querySelector("button")?.focus();
}

/** @param {Api.Job} job @param {Act} act */
function buttons(job, act) {
  const url = `/api/jobs/${job.id}`;
  if (!hasEnded(job)) return smallButton(job.cancel_requested ? "Cancelling …" : "Cancel", () => act(() => remove(url)), { disabled: job.cancel_requested });
  return job.status !== "succeeded"
    && h("button", { type: "button", class: "btn btn-sm btn-primary", onclick: () => act(() => post(`${url}/retry`)) }, icon("arrow-clockwise"), " Retry");
}

/** @param {Api.Job} job */
function ended(job) {
  const took = secondsTaken(job);
  if (took === undefined) return "It did not start.";
  return `${job.status === "succeeded" ? "Done in" : "Stopped after"} ${duration(took)}.`;
}
