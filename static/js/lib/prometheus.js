// The service's metrics in the text format of Prometheus.

const REQUESTS = /^fovea_requests_total\{[^}]*status="(\d)\d\d"[^}]*\} (\S+)$/gm;

/** How many requests were answered, how many of them rejected (4xx) and how many failed (5xx). @param {string} metrics */
export function requestsByStatus(metrics) {
  const sums = { all: 0, rejected: 0, failed: 0 };
  for (const [, status, value] of metrics.matchAll(REQUESTS)) {
    sums.all += Number(value);
    if (status === "4") sums.rejected += Number(value);
    if (status === "5") sums.failed += Number(value);
  }
  return sums;
}
