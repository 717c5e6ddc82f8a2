// The public HTTP interface. Every failure becomes an ApiError whose message is a sentence for people.

class ApiError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
    this.link = status === 401 ? { href: `/login?next=${encodeURIComponent(location.pathname + location.search)}`, text: "Sign in" } : undefined;
  }
}

const UNREACHABLE = "Fovea cannot be reached; check that it is running and that you are online.";

export const get = async (url) => (await call("GET", url)).data;
export const post = async (url, body) => (await call("POST", url, body)).data;
export const remove = async (url) => (await call("DELETE", url)).data;

/** Call the interface; `body` is FormData or a plain object. Returns {data, wait}: `wait` is Retry-After in seconds. */
export async function call(method, url, body) {
  const headers = { Accept: "application/json" };
  if (body && !(body instanceof FormData)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(url, { method, headers, body });
  } catch {
    throw new ApiError(UNREACHABLE);
  }
  const text = await answer.text();
  if (!answer.ok) throw asError(answer.status, text);
  return { data: JSON.parse(text), wait: Number(answer.headers.get("Retry-After")) || 0 };
}

/** Send a form and tell the share that has been sent; `signal` stops it. */
export function upload(url, form, onShare, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => event.lengthComputable && onShare(event.loaded / event.total);
    request.onload = () =>
      request.status < 400 ? resolve(JSON.parse(request.responseText)) : reject(asError(request.status, request.responseText));
    request.onerror = () => reject(new ApiError("The upload broke off; check the connection and the size, then try again."));
    request.onabort = () => reject(new ApiError("The upload was stopped; nothing was kept."));
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/** Read the text of a call that does not answer JSON. */
export async function text(url) {
  const answer = await fetch(url).catch(() => {
    throw new ApiError(UNREACHABLE);
  });
  if (!answer.ok) throw asError(answer.status, "");
  return answer.text();
}

function asError(status, body) {
  try {
    const { detail } = JSON.parse(body);
    if (detail) return new ApiError(detail, status);
  } catch {
    // not problem details: a proxy's page, or nothing at all
  }
  return new ApiError(`The server answered ${status} and did not say why; try again in a moment.`, status);
}
