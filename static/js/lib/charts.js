// Charts in the page's own colours, light or dark. Chart.js is fetched when the first of them comes near the screen.

const LIBRARY = "/assets/chart.js";
const NEAR = "300px";
const charts = new Set();
let library;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const shares = { min: 0, max: 1, ticks: { maxRotation: 0, maxTicksLimit: 6, callback: (share) => `${Math.round(100 * share)} %` } };

/** Draw lines: series of {label, tone, dashed}. Returns `update(labels, rows)`, where rows[i] belongs to series[i]. */
export function lines(canvas, series, { percent = false, title = "" } = {}) {
  const x = { title: { display: Boolean(title), text: title }, grid: { display: false }, ticks: { maxTicksLimit: 8, maxRotation: 0 } };
  const paint = make(canvas, { x, y: percent ? structure(shares) : { beginAtZero: true } }, { mode: "index", intersect: false });
  paint(series.map((each) => ({ ...each, points: [] })));
  return (labels, rows) => paint(series.map((each, index) => ({ ...each, points: rows[index] })), labels);
}

/** Draw a training history: the two curves of a figure. Returns `update(history)`. */
export function curves(canvas, figure, options) {
  const update = lines(canvas, [
    { label: "Training images", tone: "brand" },
    { label: "Validation images", tone: "accent", dashed: true },
  ], { title: "Epoch", ...options });
  return (history) =>
    update(history.map((row, index) => row.epoch ?? index + 1), [figure, `val_${figure}`].map((name) => history.map((row) => row[name])));
}

/** Draw curves in the unit square between two named axes. Returns `update(series)` of {label, tone, dashed, points: [{x, y}]};

    with `sizes` the points stand alone, each as large as its size. */
export function plane(canvas, x, y) {
  const axis = (text) => ({ type: "linear", ...structure(shares), title: { display: true, text } });
  return make(canvas, { x: axis(x), y: axis(y) });
}

/** Returns `paint(series, labels)`. What is painted before the chart can be seen is drawn when it can. */
function make(canvas, scales, interaction) {
  let chart, shown = [], names = [];
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
  return (series, labels = []) => {
    [shown, names] = [series, labels];
    // Before there is anything to draw, what belongs above the chart may be missing too: it would seem near.
    if (!begun && series.some(({ points }) => points.length)) begin(), (begun = true);
    repaint();
  };
}

/** Call `draw` once the canvas is on the screen or a little below, and Chart.js is there. */
function whenNear(canvas, draw) {
  const watch = new IntersectionObserver(async (entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch.disconnect();
    await (library ??= load());
    draw();
  }, { rootMargin: NEAR });
  watch.observe(canvas.parentElement);
}

const load = () => new Promise((loaded) => {
  const script = document.createElement("script");
  script.src = LIBRARY;
  script.onload = loaded;
  script.onerror = () => (library = undefined); // the next chart that comes into view tries again
  document.head.append(script);
});

const structure = (options) => ({ ...options, ticks: { ...options.ticks } });

const dataset = ({ label, tone, dashed, points, sizes }) => ({
  label, data: points, borderColor: colour(`--${tone}`), backgroundColor: colour(`--${tone}`), borderWidth: 2,
  pointRadius: sizes ?? (points.length > 40 ? 0 : 2), pointHoverRadius: sizes ?? 4, showLine: !sizes, tension: 0, borderDash: dashed ? [5, 4] : [],
});

document.addEventListener("themechange", () => charts.forEach((repaint) => repaint()));
