// The parameters of the page's address: what is shown can be linked to and survives a reload.

/** @param {string} name */
export const parameter = (name) => new URLSearchParams(location.search).get(name);

/**
 * Set or drop a parameter, without a new entry in the history.
 *
 * @param {string} name
 * @param {string | number | null | undefined} value
 */
export function setParameter(name, value) {
  const url = new URL(location.href);
  if (value) url.searchParams.set(name, String(value));
  else url.searchParams.delete(name);
  history.replaceState(null, "", url);
}

/**
 * Build an address; parameters that are empty, null or undefined are left out.
 *
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} parameters
 */
export function address(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return given.length ? `${path}?${query}` : path;
}
