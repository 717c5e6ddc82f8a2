// Sending labelled images into a dataset: first a preview by the server, then the images in parts.
import { ApiError, post, upload } from "../lib/api.js";
import { fill, find, findSelect, h } from "../lib/dom.js";
import { attempt, problem, showProblem } from "../lib/elements.js";
import { inNaturalOrder, takeFiles } from "../lib/files.js";
import { count } from "../lib/format.js";
import { Sending, cutIntoParts, filesOf } from "../lib/upload.js";
import { showPreview, showResult } from "./upload-preview.js";

const REFUSED = [400, 413, 415]; // statuses of a call that can never succeed
/** @type {Api.UploadResult} */
const NOTHING = { accepted: 0, duplicates: 0, ignored: 0, rejected: [] };
const TABLES_BYTES = 3_000_000; // of all tables that a preview is asked with
/** @typedef {{ spec: Api.Classifier, label: string, parts: UploadPart[], sent: number, result: Api.UploadResult, foretold: Api.RejectedFile[] }} Plan */
/** @type {Api.Classifier} */
let spec;
/** The files that a preview is shown of. @type {TakenFile[] | undefined} */
let proposed;
let isSending = false;

/** Upload into the dataset of this classifier from now on. @param {Api.Classifier} chosen */
export function setUploadClassifier(chosen) {
  spec = chosen;
  fill(findSelect("label"), h("option", { value: "" }, "From table, folder or file name"),
    spec.classes.map(({ name, title }) => h("option", { value: name }, title)));
  if (!isSending) dismiss();
}

/** Let people add images; `onAdded` is told when some were sent. @param {(spec: Api.Classifier) => unknown} onAdded */
export function acceptUploads(onAdded) {
  takeFiles((found) => propose(inNaturalOrder(found), onAdded));
  findSelect("label").addEventListener("change", () => proposed && propose(proposed, onAdded));
}

function dismiss() {
  proposed = undefined;
  fill(find("upload"));
}

function cancel() {
  dismiss();
  find("upload").focus(); // the button that had the focus is gone
}

/**
 * Ask the server what it would read the files as, and show its answer.
 *
 * @param {TakenFile[]} found
 * @param {(spec: Api.Classifier) => unknown} onAdded
 * @returns {Promise<void>}
 */
async function propose(found, onAdded) {
  if (isSending) return void fill(find("problems"), problem("An upload is running. Wait for its end, or stop it."));
  proposed = found;
  const [chosen, label] = [spec, findSelect("label").value];
  fill(find("problems"));
  fill(find("upload"), h("p", { class: "quiet", role: "status" }, "Reading the names …"));
  const preview = await attempt(find("problems"), () => ask(chosen, label, found), { retry: () => propose(found, onAdded) });
  if (proposed !== found || chosen !== spec || label !== findSelect("label").value) return; // something else is wanted by now
  if (!preview) return void fill(find("upload"));
  const parts = cutIntoParts(filesOf(found, preview.images.map(({ file }) => file)), filesOf(found, preview.tables), filesOf(found, preview.archives));
  const result = { ...NOTHING, ignored: preview.ignored.length };
  showPreview(find("upload"), preview, { spec: chosen, parts, onCancel: cancel,
    onUpload: () => send({ spec: chosen, label, parts, sent: 0, result, foretold: preview.rejected }, onAdded) });
}

/** @param {Api.Classifier} chosen @param {string} label @param {TakenFile[]} found @returns {Promise<Api.UploadPreview>} */
async function ask(chosen, label, found) {
  const tables = found.filter(({ path }) => path.toLowerCase().endsWith(".csv"));
  if (tables.reduce((total, { file }) => total + file.size, 0) > TABLES_BYTES) {
    throw new ApiError("The CSV tables are too large for an upload in the browser. Use flask data import on the server.", 413);
  }
  const texts = await Promise.all(tables.map(async ({ file, path }) => [path, await textOf(file, path)]));
  return post(`/api/datasets/${chosen.name}/preview`, { files: found.map(({ path }) => path), tables: Object.fromEntries(texts), label });
}

/** @param {File} file @param {string} path */
async function textOf(file, path) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new ApiError(`${path} cannot be read as a CSV file in UTF-8. Save it as UTF-8 and choose the folder again.`, 400);
  }
}

/**
 * Send what is left of the plan, and say what became of it. After an error it can be resumed at the part that failed.
 *
 * @param {Plan} plan
 * @param {(spec: Api.Classifier) => unknown} onAdded
 */
async function send(plan, onAdded) {
  isSending = true;
  fill(find("problems"));
  const sending = new Sending(find("upload"), "Uploading");
  find("upload").focus(); // the preview was taller: bring the progress back into view
  let failure;
  try {
    for (; plan.sent < plan.parts.length; plan.sent++) merge(plan.result, await sendPart(plan, sending));
  } catch (error) {
    failure = error;
  }
  isSending = false;
  proposed = undefined;
  showResult(find("upload"), plan.result, { foretold: plan.foretold, sent: plan.sent, of: plan.parts.length });
  onAdded(plan.spec);
  if (!failure) return;
  showProblem(find("problems"), failure, { retry: () => send(plan, onAdded) });
  find("problems").scrollIntoView({ block: "center" });
}

/**
 * Send the next part. One that is refused as it is counts as rejected files: the other parts may be good.
 *
 * @param {Plan} plan
 * @param {Sending} sending
 * @returns {Promise<Api.UploadResult>}
 */
async function sendPart({ spec: chosen, label, parts, sent }, sending) {
  const { files, tables, bytes } = parts[sent];
  const form = new FormData();
  form.append("classifier", chosen.name);
  if (label) form.append("label", label);
  for (const { file, path } of [...tables, ...files]) form.append("files", file, path);
  const before = parts.slice(0, sent).reduce((total, part) => total + part.bytes, 0);
  const all = parts.reduce((total, part) => total + part.bytes, 0);
  const show = (/** @type {number} */ share) => sending.show((before + share * bytes) / (all || 1), `Part ${count(sent + 1)} of ${count(parts.length)}`);
  show(0);
  try {
    return await upload("/api/upload", form, show, { signal: sending.signal });
  } catch (error) {
    if (!(error instanceof ApiError && REFUSED.includes(error.status))) throw error;
    const { rejected = files.map(({ path }) => ({ file: path, kind: "unreadable", reason: error.message })) } = error;
    return { ...NOTHING, rejected };
  }
}

/** @param {Api.UploadResult} total @param {Api.UploadResult} part */
function merge(total, part) {
  total.accepted += part.accepted;
  total.duplicates += part.duplicates;
  total.ignored += part.ignored;
  total.rejected = [...total.rejected, ...part.rejected];
}
