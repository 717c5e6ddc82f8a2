// What the last audit of a dataset found, in a line.
import { plural } from "../lib/format.js";

/** What the last audit found, in a line; undefined where there is no image. @param {Api.Audit} audit @returns {Finding | undefined} */
export function auditLine({ findings, complete, stale, images }) {
  if (!images) return undefined;
  const grave = findings.filter(({ severity }) => severity !== "notice").length;
  if (grave) return { tone: "warn", icon: "exclamation-triangle", text: `The audit found ${plural(grave, "problem")}.` };
  if (!complete) return { tone: "idle", icon: "info-circle", text: "The images have not been audited yet." };
  if (stale) return { tone: "idle", icon: "info-circle", text: "The images have changed since the last audit." };
  return { tone: "good", icon: "check-circle", text: "The audit found no serious problems." };
}
