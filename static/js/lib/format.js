// Numbers, sizes and times as people read them.
import { h } from "./dom.js";

const NONE = "–";
const NARROW = "\u202f"; // between a number and its unit
const number = (digits) => new Intl.NumberFormat("en", { maximumFractionDigits: digits, minimumFractionDigits: digits });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export const count = (value) => (value === null || value === undefined ? NONE : whole.format(value));
export const fixed = (value, digits = 2) => (value === null || value === undefined ? NONE : number(digits).format(value));
/** A number with its sign, a true minus among them. */
export const signed = (value, digits = 1) => (value < 0 ? "−" : "+") + number(digits).format(Math.abs(value));
export const percent = (share, digits = 1) =>
  share === null || share === undefined ? NONE : `${number(digits).format(100 * share)}${NARROW}%`;
/** A probability, which is never told as certain. */
export function chance(share, digits = 1) {
  const least = 10 ** -digits / 100;
  return share > 1 - least ? `> ${percent(1 - least, digits)}` : share < least ? `< ${percent(least, digits)}` : percent(share, digits);
}
export const interval = (pair, digits = 1) =>
  pair ? `${number(digits).format(100 * pair[0])} to ${percent(pair[1], digits)}` : NONE;
export const milliseconds = (value) => (value === null || value === undefined ? NONE : `${fixed(value, value < 10 ? 1 : 0)}${NARROW}ms`);
export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = value > 0 ? Math.min(Math.floor(Math.log10(value) / 3), units.length - 1) : 0;
  return `${fixed(value / 1000 ** power, power > 2 ? 1 : 0)}${NARROW}${units[power]}`;
}

/** A duration in its two largest units at most. */
export function duration(seconds) {
  const rounded = Math.max(0, Math.round(seconds));
  if (rounded < 60) return `${rounded}${NARROW}s`;
  const minutes = Math.floor(rounded / 60);
  if (minutes < 60) return `${minutes}${NARROW}min ${rounded % 60}${NARROW}s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}${NARROW}h ${minutes % 60}${NARROW}min` : `${Math.floor(hours / 24)} days`;
}

/** A moment in the viewer's zone. */
export const time = (iso) => h("time", { datetime: iso, title: new Date(iso).toString() }, moment.format(new Date(iso)));
