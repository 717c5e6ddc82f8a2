// The public HTTP interface. Every failure becomes an ApiError whose message is a sentence for people.

export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {number} [status] 0 where there was no answer
   * @param {Api.RejectedFile[]} [rejected] the files of a call none of whose files can be used
   */
  constructor(message, status = 0, rejected = undefined) {
    super(message);
    this.status = status;
    this.rejected = rejected;
  }

  /** The way to sign in and come back to this page, where a key is missing. */
  get link() {
    return this.status === 401 ? { href: `/login?next=${encodeURIComponent(location.pathname + location.search)}`, text: "Sign in" } : undefined;
  }

  /** Whether the same call may succeed later: the request itself was not at fault. */
  get isTransient() {
    return this.status === 0 || this.status >= 500;
  }
}

const UNREACHABLE = "Fovea cannot be reached. Check that it is running and that you are online.";
const KEY_BYTES = 16;

/** @typedef {FormData | Record<string, unknown>} Body */
/** @typedef {{ key?: string, signal?: AbortSignal }} Options with `key`, a call that is repeated is done once */

/** @param {string} url */
export const get = async (url) => (await call("GET", url)).data;
/**
 * @param {string} url
 * @param {Body} [body]
 * @param {Options} [options]
 */
export const post = async (url, body, options) => (await call("POST", url, body, options)).data;
/** @param {string} url @param {Body} body */
export const put = async (url, body) => (await call("PUT", url, body)).data;
/** @param {string} url @param {Body} body */
export const patch = async (url, body) => (await call("PATCH", url, body)).data;
/** @param {string} url @param {Body} [body] */
export const remove = async (url, body) => (await call("DELETE", url, body)).data;

/** A new Idempotency-Key. `crypto.randomUUID` is missing where the page comes over plain HTTP. */
export const newKey = () => [...crypto.getRandomValues(new Uint8Array(KEY_BYTES))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * Call the interface. The callers name the type of `data`; `wait` is Retry-After in seconds, `next` the cursor of what follows.
 *
 * @param {string} method
 * @param {string} url
 * @param {Body} [body]
 * @param {Options} [options]
 * @returns {Promise<{ data: any, wait: number, next: string | null }>}
 */
export async function call(method, url, body, { key, signal } = {}) {
  const headers = headersFor(key);
  const isForm = body instanceof FormData;
  if (body && !isForm) headers["Content-Type"] = "application/json";
  const answer = await send(url, { method, headers, signal, body: isForm ? body : body && JSON.stringify(body) });
  return { data: parse(answer.status, await answer.text()), wait: Number(answer.headers.get("Retry-After")) || 0, next: answer.headers.get("X-Next-Cursor") };
}

/**
 * Read the text of a call that does not answer JSON.
 *
 * @param {string} url
 */
export async function text(url) {
  const answer = await send(url);
  if (!answer.ok) throw asError(answer.status, "");
  return answer.text();
}

/**
 * Send a form and tell the share that has been sent.
 *
 * @param {string} url
 * @param {FormData} form
 * @param {(share: number) => unknown} onShare
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export function upload(url, form, onShare, { key, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    for (const [name, value] of Object.entries(headersFor(key))) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && onShare(event.loaded / event.total);
    request.onload = () => {
      try {
        resolve(parse(request.status, request.responseText));
      } catch (error) {
        reject(error);
      }
    };
    request.onerror = () => reject(new ApiError("The upload failed. Check the connection and the size of the files, then try again."));
    request.onabort = () => reject(new ApiError("You stopped the upload. What was on its way was not saved."));
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/**
 * @param {string} [key]
 * @returns {Record<string, string>}
 */
const headersFor = (key) => ({ Accept: "application/json", ...(key && { "Idempotency-Key": key }) });

/**
 * @param {string} url
 * @param {RequestInit} [options]
 */
async function send(url, options) {
  try {
    return await fetch(url, options);
  } catch {
    throw new ApiError(UNREACHABLE);
  }
}

/**
 * Read an answer's body; an ApiError where the call failed.
 *
 * @param {number} status
 * @param {string} body
 */
export function parse(status, body) {
  if (status >= 400) throw asError(status, body);
  try {
    return JSON.parse(body);
  } catch {
    throw new ApiError("The server sent something other than JSON; a proxy may stand between. Reload the page.", status);
  }
}

/**
 * @param {number} status
 * @param {string} body
 */
function asError(status, body) {
  try {
    const { detail, rejected } = JSON.parse(body);
    if (detail) return new ApiError(detail, status, rejected);
  } catch {
    // not problem details: a proxy's page, or nothing at all
  }
  return new ApiError(`The server answered with status ${status} and gave no reason. Try again in a moment.`, status);
}
