// Charts in the page's own colours, light or dark. Chart.js is fetched when the first of them comes near the screen.
import { percent } from "./format.js";

const LIBRARY = "/assets/chart.js";
const NEAR = "300px";
/** @type {Set<() => void>} */
const charts = new Set();
/** @type {Promise<unknown> | undefined} */
let library;
/** @param {string} name */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const AXIS = { min: 0, max: 1, ticks: { maxRotation: 0, maxTicksLimit: 6, callback: (/** @type {number} */ share) => percent(share, 0) } };

/** @typedef {Omit<ChartSeries, "points">} Line */
/** @typedef {{ percent?: boolean, title?: string }} Options */

/**
 * Draw lines. Returns `update(labels, rows)`, where rows[i] belongs to series[i].
 *
 * @param {HTMLElement} canvas
 * @param {Line[]} series
 * @param {Options} [options]
 */
export function lines(canvas, series, { percent: isShare = false, title = "" } = {}) {
  const x = { title: { display: Boolean(title), text: title }, grid: { display: false }, ticks: { maxTicksLimit: 8, maxRotation: 0 } };
  const paint = make(canvas, { x, y: isShare ? copy(AXIS) : { beginAtZero: true } }, { mode: "index", intersect: false });
  paint(series.map((each) => ({ ...each, points: [] })));
  return (/** @type {(string | number)[]} */ labels, /** @type {(number | undefined)[][]} */ rows) => paint(series.map((each, index) => ({ ...each, points: rows[index] })), labels);
}

/**
 * Draw a training history: the two curves of a figure. Returns `update(history)`.
 *
 * @param {HTMLElement} canvas
 * @param {"loss" | "accuracy"} figure
 * @param {Options} [options]
 */
export function curves(canvas, figure, options) {
  const update = lines(canvas, [
    { label: "Training images", tone: "brand" },
    { label: "Validation images", tone: "accent", dashed: true },
  ], { title: "Epoch", ...options });
  /** @type {("loss" | "accuracy" | "val_loss" | "val_accuracy")[]} */
  const names = [figure, `val_${figure}`];
  return (/** @type {Api.Epoch[]} */ history) =>
    update(history.map((row, index) => row.epoch ?? index + 1), names.map((name) => history.map((row) => row[name])));
}

/**
 * Draw histograms over shared edges, each as shares of its own whole. Returns `update(series, edges)`.
 *
 * @param {HTMLElement} canvas
 */
export function histogram(canvas) {
  const x = { grid: { display: false }, ticks: { maxTicksLimit: 8, maxRotation: 0 } };
  const paint = make(canvas, { x, y: { ...copy(AXIS), max: undefined } }, { mode: "index", intersect: false });
  return (/** @type {(Line & { counts: number[] })[]} */ series, /** @type {number[]} */ edges) => {
    const alike = edges[edges.length - 1] - edges[0] <= 1; // all images have the same value
    const middles = edges.slice(1).map((edge, index) => Math.round((edge + edges[index]) / 2));
    paint(series.map(({ counts, ...line }) => {
      const whole = counts.reduce((total, n) => total + n, 0);
      return { ...line, points: alike ? [whole && 1] : counts.map((n) => n / Math.max(1, whole)) };
    }), alike ? [String(Math.round((edges[0] + edges[edges.length - 1]) / 2))] : middles.map(String));
  };
}

/**
 * Draw curves in the unit square. Returns `update(series)`; points with `sizes` are not connected, each as large as its size.
 *
 * @param {HTMLElement} canvas
 * @param {string} x name of the axis
 * @param {string} y name of the axis
 */
export function plane(canvas, x, y) {
  const axis = (/** @type {string} */ text) => ({ type: "linear", ...copy(AXIS), title: { display: true, text } });
  return make(canvas, { x: axis(x), y: axis(y) });
}

/**
 * Returns `paint(series, labels)`. What is painted before the chart can be seen is drawn when it can.
 *
 * @param {HTMLElement} canvas
 * @param {object} scales
 * @param {object} [interaction]
 */
function make(canvas, scales, interaction) {
  /** @type {InstanceType<Window["Chart"]> | undefined} */
  let chart;
  /** @type {ChartSeries[]} */
  let shown = [];
  /** @type {(string | number)[]} */
  let names = [];
  function repaint() {
    if (!chart) return;
    chart.data = { labels: names, datasets: shown.map(dataset) };
    const [ink, line] = [colour("--muted"), colour("--line")];
    for (const axis of Object.values(chart.options.scales)) {
      axis.ticks = { ...axis.ticks, color: ink };
      axis.grid = { ...axis.grid, color: line };
      if (axis.title) axis.title.color = ink;
    }
    chart.options.plugins.legend.labels.color = ink;
    chart.update();
  }
  charts.add(repaint);
  const begin = () => whenNear(canvas, () => {
    chart = new window.Chart(canvas, {
      type: "line",
      data: { labels: [], datasets: [] },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false, scales, interaction,
        plugins: { legend: { position: "bottom", labels: { boxWidth: 24, boxHeight: 0, padding: 8 } } },
      },
    });
    repaint();
  });
  let begun = false;
  return (/** @type {ChartSeries[]} */ series, /** @type {(string | number)[]} */ labels = []) => {
    [shown, names] = [series, labels];
    // Before there is anything to draw, what belongs above the chart may be missing too: it would seem near.
    if (!begun && series.some(({ points }) => points.length)) {
      begun = true;
      begin();
    }
    repaint();
  };
}

/**
 * Call `draw` once the canvas is on the screen or a little below, and Chart.js is there.
 *
 * @param {HTMLElement} canvas
 * @param {() => void} draw
 */
function whenNear(canvas, draw) {
  const watch = new IntersectionObserver(async (entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch.disconnect();
    await (library ??= load());
    draw();
  }, { rootMargin: NEAR });
  watch.observe(canvas.parentElement ?? canvas);
}

const load = () => new Promise((loaded) => {
  const script = document.createElement("script");
  script.src = LIBRARY;
  script.onload = loaded;
  script.onerror = () => (library = undefined); // the next chart that comes into view tries again
  document.head.append(script);
});

/** @param {{ ticks: object }} options */
const copy = (options) => ({ ...options, ticks: { ...options.ticks } });

/** @param {ChartSeries} series */
const dataset = ({ label, tone, dashed, points, sizes }) => ({
  label, data: points, borderColor: colour(`--${tone}`), backgroundColor: colour(`--${tone}`), borderWidth: 2,
  pointRadius: sizes ?? (points.length > 40 ? 0 : 2), pointHoverRadius: sizes ?? 4, showLine: !sizes, tension: 0, borderDash: dashed ? [5, 4] : [],
});

document.addEventListener("themechange", () => charts.forEach((repaint) => repaint()));
