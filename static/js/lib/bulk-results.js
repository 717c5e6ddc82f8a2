// The answers of a bulk prediction: how many there are of each kind, and a page of them. The server filters and counts.
import { address } from "./address.js";
import { get } from "./api.js";

export const PAGE = 25;

/** The results of a job. A filter is a decision and a class, "" for any. */
export class BulkResults {
  /** @type {string} */
  #url;
  /** @type {Api.ResultCount[]} files without an answer have the decision error or waiting */
  counts = [];

  /** @param {string} id of the job */
  constructor(id) {
    this.#url = `/api/jobs/${encodeURIComponent(id)}/results`;
  }

  /**
   * Count again, and read a page of rows from `offset` on.
   *
   * @param {string} decision
   * @param {string} label
   * @param {number} offset
   * @returns {Promise<Api.ResultRow[]>}
   */
  async read(decision, label, offset) {
    const page = get(address(this.#url, { offset, limit: PAGE, decision, predicted_class: label }));
    [this.counts] = await Promise.all([get(`${this.#url}/counts`), page]);
    return page;
  }

  /** How many rows there are. @param {string} decision @param {string} label */
  total(decision, label) {
    const fits = (/** @type {Api.ResultCount} */ row) => (!decision || row.decision === decision) && (!label || row.predicted_class === label);
    return this.counts.filter(fits).reduce((sum, { images }) => sum + images, 0);
  }

  /** The address of the rows as a CSV file. @param {string} decision @param {string} label */
  csv(decision, label) {
    return address(this.#url, { format: "csv", decision, predicted_class: label });
  }
}
