// Asking again: until a job has ended, or for as long as somebody looks.
import { ApiError, call } from "./api.js";

const ENDED = ["succeeded", "failed", "cancelled"];
const PAUSE = 1; // seconds, where the server does not say when to ask again
const AFTER_FAILURE = 4;

/** @param {Pick<Api.Job, "status">} job */
export const hasEnded = (job) => ENDED.includes(job.status);

/**
 * Call `turn` now, then again after the seconds that it returns, until it returns undefined. Rests while the tab is hidden.
 *
 * @param {() => Promise<number | undefined>} turn
 * @returns {{ now: () => void, stop: () => void }} `now` calls it without waiting
 */
export function poll(turn) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let [busy, again, stopped] = [false, false, false];

  async function run() {
    clearTimeout(timer);
    if (stopped || document.visibilityState === "hidden") return;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    const pause = await turn().finally(() => (busy = false));
    if (pause === undefined) stop();
    else if (again) run();
    else if (!stopped) timer = setTimeout(run, 1000 * pause);
    again = false;
  }

  function stop() {
    stopped = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", run);
  }

  document.addEventListener("visibilitychange", run);
  run();
  return { now: run, stop };
}

/**
 * Tell every state of a job until it ends; a lost connection is told to `onTrouble`, then tried again.
 *
 * @param {string} id
 * @param {(job: Api.Job) => unknown} onJob
 * @param {(error: ApiError) => unknown} onTrouble
 * @returns {() => void} stops it
 */
export function followJob(id, onJob, onTrouble) {
  let stopped = false;
  const { stop } = poll(async () => {
    try {
      const { data, wait } = await call("GET", `/api/jobs/${encodeURIComponent(id)}`);
      if (stopped) return undefined;
      onJob(data);
      return hasEnded(data) ? undefined : wait || PAUSE;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (stopped) return undefined;
      onTrouble(error);
      return error.isTransient ? AFTER_FAILURE : undefined;
    }
  });
  return () => {
    stopped = true;
    stop();
  };
}
