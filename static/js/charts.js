// Charts in the page's own colours, light or dark.

const charts = new Set();
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const shares = { min: 0, max: 1, ticks: { callback: (share) => `${Math.round(100 * share)} %` } };

/** Draw lines: series of {label, tone, dashed}. Returns `update(labels, rows)`, where rows[i] belongs to series[i]. */
export function lines(canvas, series, { percent = false, title = "" } = {}) {
  const x = { title: { display: Boolean(title), text: title }, grid: { display: false }, ticks: { maxTicksLimit: 8, maxRotation: 0 } };
  const paint = make(canvas, { x, y: percent ? structure(shares) : { beginAtZero: true } });
  paint.interact({ mode: "index", intersect: false });
  paint(series.map((each) => ({ ...each, points: [] })));
  return (labels, rows) => {
    paint.chart.data.labels = labels;
    paint(series.map((each, index) => ({ ...each, points: rows[index] })));
  };
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

function make(canvas, scales) {
  const chart = new window.Chart(canvas, {
    type: "line",
    data: { labels: [], datasets: [] },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      scales,
      plugins: { legend: { position: "bottom", labels: { usePointStyle: true, pointStyle: "line", boxWidth: 28 } } },
    },
  });
  let shown = [];
  const repaint = () => paint(shown);
  function paint(series) {
    shown = series;
    chart.data.datasets = series.map(dataset);
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
  return Object.assign(paint, { chart, interact: (how) => (chart.options.interaction = how) });
}

const structure = (options) => ({ ...options, ticks: { ...options.ticks } });

const dataset = ({ label, tone, dashed, points, sizes }) => ({
  label, data: points, borderColor: colour(`--${tone}`), backgroundColor: colour(`--${tone}`), borderWidth: 2,
  pointRadius: sizes ?? (points.length > 40 ? 0 : 2), pointHoverRadius: sizes ?? 4, showLine: !sizes, tension: 0, borderDash: dashed ? [5, 4] : [],
});

document.addEventListener("themechange", () => charts.forEach((repaint) => repaint()));
