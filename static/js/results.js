// A bulk run's answers, read in pages: what has been answered is not asked for again.
import { get } from "./api.js";

const PAGE = 500;
const AT_ONCE = 4; // pages in one reading of a run that goes on

const isDone = (row) => row !== undefined && Boolean(row.id || row.error);

/** The answers of a job: `rows` in the order of submission, as far as they have been read. */
export class Results {
  rows = [];

  constructor(id) {
    this.id = id;
  }

  /** Read what is new: some pages of a run that goes on, all that is missing of one that has `ended`. */
  async read(total, ended) {
    const pages = Array.from({ length: Math.ceil(total / PAGE) }, (_, page) => page * PAGE);
    const open = pages.filter((offset) => !this.#isRead(offset, Math.min(offset + PAGE, total)));
    for (const offset of ended ? open : open.slice(0, AT_ONCE)) {
      const part = await get(`/api/jobs/${this.id}/results?offset=${offset}&limit=${PAGE}`);
      part.forEach((row, index) => (this.rows[offset + index] = row));
    }
  }

  #isRead(from, to) {
    for (let index = from; index < to; index += 1) if (!isDone(this.rows[index])) return false;
    return true;
  }
}
