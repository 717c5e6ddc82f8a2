// Asking again: until a job has ended, or for as long as somebody looks.
import { call } from "./api.js";

const ENDED = ["succeeded", "failed", "cancelled"];
const AFTER_FAILURE = 4;

export const hasEnded = (job) => ENDED.includes(job.status);
const sleep = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
const seen = () => document.visibilityState !== "hidden" || new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));

/** Tell every state of a job until it ends, resting while the tab is hidden; a lost connection is told by `onTrouble` and tried again. */
export async function follow(id, onJob, { signal, onTrouble } = {}) {
  while (!signal?.aborted) {
    let pause = 1;
    try {
      const { data, wait } = await call("GET", `/api/jobs/${encodeURIComponent(id)}`);
      if (signal?.aborted) return;
      onJob(data);
      if (hasEnded(data)) return;
      pause = wait || pause;
    } catch (error) {
      if (signal?.aborted) return;
      onTrouble?.(error);
      if (error.status >= 400 && error.status < 500) return;
      pause = AFTER_FAILURE;
    }
    await sleep(pause);
    await seen();
  }
}

/** Call `refresh` now and every so many seconds, resting while the tab is hidden. Returns a function to call it now. */
export function whileVisible(seconds, refresh) {
  let timer;
  async function turn() {
    clearTimeout(timer);
    if (document.visibilityState === "hidden") return;
    await refresh();
    clearTimeout(timer);
    timer = setTimeout(turn, 1000 * seconds);
  }
  document.addEventListener("visibilitychange", turn);
  turn();
  return turn;
}
