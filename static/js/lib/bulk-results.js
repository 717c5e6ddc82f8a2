// A bulk run's answers: how many there are of each kind, and a page of them. The server filters and counts.
import { get } from "./api.js";

export const PAGE = 25;

/** The results of a job. */
export class Results {
  #url;
  counts = []; // {decision, predicted_class, images}; files without an answer have the decision error or waiting

  constructor(id) {
    this.#url = `/api/jobs/${encodeURIComponent(id)}/results`;
  }

  /** Count anew, and read the rows of a decision and a class ("" for any) from `offset` on. */
  async read(decision, label, offset) {
    const page = get(`${this.#url}?offset=${offset}&limit=${PAGE}${query(decision, label)}`);
    this.counts = await get(`${this.#url}/counts`);
    return page;
  }

  /** How many rows there are of a decision and a class ("" for any). */
  total(decision, label) {
    const fits = (row) => (!decision || row.decision === decision) && (!label || row.predicted_class === label);
    return this.counts.filter(fits).reduce((sum, { images }) => sum + images, 0);
  }

  /** The address of the rows of a decision and a class as a table. */
  table(decision, label) {
    return `${this.#url}?format=csv${query(decision, label)}`;
  }
}

const query = (decision, label) =>
  (decision ? `&decision=${encodeURIComponent(decision)}` : "") + (label ? `&predicted_class=${encodeURIComponent(label)}` : "");
