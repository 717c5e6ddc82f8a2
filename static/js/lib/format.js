// Numbers, sizes and times as people read them.
import { h } from "./dom.js";

/** @typedef {number | null | undefined} Maybe */

export const NONE = "–";
const NARROW = "\u202f"; // between a number and its unit
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** @param {number} digits */
const number = (digits) => new Intl.NumberFormat("en", { maximumFractionDigits: digits, minimumFractionDigits: digits });

/** @param {Maybe} value */
export const count = (value) => (value === null || value === undefined ? NONE : whole.format(value));
/** @param {Maybe} value @param {number} [digits] */
export const fixed = (value, digits = 2) => (value === null || value === undefined ? NONE : number(digits).format(value));
/** A number with its sign, a true minus among them. @param {number} value @param {number} [digits] */
export const signed = (value, digits = 1) => (value < 0 ? "−" : "+") + number(digits).format(Math.abs(value));
/** @param {Maybe} share from 0 to 1 @param {number} [digits] */
export const percent = (share, digits = 1) =>
  share === null || share === undefined ? NONE : `${number(digits).format(100 * share)}${NARROW}%`;
/** How far something is: 100 % only when it is done. @param {number} percentage from 0 to 100 */
export const progress = (percentage) => percent(Math.floor(percentage) / 100, 0);
/** A probability, which is never told as certain. @param {number} share @param {number} [digits] */
export function chance(share, digits = 1) {
  const least = 10 ** -digits / 100;
  return share > 1 - least ? `> ${percent(1 - least, digits)}` : share < least ? `< ${percent(least, digits)}` : percent(share, digits);
}
/** @param {Api.Interval | null | undefined} pair of shares @param {number} [digits] */
export const interval = (pair, digits = 1) =>
  pair ? `${number(digits).format(100 * pair[0])} to ${percent(pair[1], digits)}` : NONE;
/** @param {Maybe} value */
export const milliseconds = (value) => (value === null || value === undefined ? NONE : `${fixed(value, value < 10 ? 1 : 0)}${NARROW}ms`);
/** @param {number} value @param {string} one @param {string} [many] */
export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;
/** @param {Record<string, number> | undefined} counts */
export const sum = (counts) => Object.values(counts ?? {}).reduce((total, value) => total + value, 0);

/** @param {number} value */
export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = value > 0 ? Math.min(Math.floor(Math.log10(value) / 3), units.length - 1) : 0;
  return `${fixed(value / 1000 ** power, power > 2 ? 1 : 0)}${NARROW}${units[power]}`;
}

/** A duration in its two largest units at most. @param {number} seconds */
export function duration(seconds) {
  const rounded = Math.max(0, Math.round(seconds));
  if (rounded < 60) return `${rounded}${NARROW}s`;
  const minutes = Math.floor(rounded / 60);
  if (minutes < 60) return `${minutes}${NARROW}min ${rounded % 60}${NARROW}s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}${NARROW}h ${minutes % 60}${NARROW}min` : `${Math.floor(hours / 24)} days`;
}

/** How long ago a moment was. @param {number} at milliseconds since 1970 */
export const ago = (at) => `${duration((Date.now() - at) / 1000)} ago`;

/** Seconds that a job took; undefined before its end. @param {Pick<Api.Job, "started_at" | "finished_at">} job */
export const secondsTaken = ({ started_at: from, finished_at: to }) => (from && to ? (Date.parse(to) - Date.parse(from)) / 1000 : undefined);

/** A moment in the viewer's zone. @param {string} iso */
export const time = (iso) => h("time", { datetime: iso, title: new Date(iso).toString() }, moment.format(new Date(iso)));
