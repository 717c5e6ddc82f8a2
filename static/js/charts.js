// Line charts in the page's own colours, light or dark.

const charts = new Set();
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Draw lines: series of {label, tone, dashed}. Returns `update(labels, rows)`, where rows[i] belongs to series[i]. */
export function lines(canvas, series, { percent = false, title = "" } = {}) {
  const chart = new window.Chart(canvas, {
    type: "line",
    data: { labels: [], datasets: series.map(dataset) },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      scales: {
        x: { title: { display: Boolean(title), text: title }, grid: { display: false }, ticks: { maxTicksLimit: 8, maxRotation: 0 } },
        y: percent ? { min: 0, max: 1, ticks: { callback: (share) => `${Math.round(100 * share)} %` } } : { beginAtZero: true },
      },
      plugins: { legend: { position: "bottom", labels: { usePointStyle: true, pointStyle: "line", boxWidth: 28 } } },
    },
  });
  const paint = () => {
    const [ink, line] = [colour("--muted"), colour("--line")];
    chart.data.datasets.forEach((data, index) => {
      data.borderColor = data.backgroundColor = colour(`--${series[index].tone}`);
    });
    for (const axis of Object.values(chart.options.scales)) {
      axis.ticks.color = ink;
      axis.grid = { ...axis.grid, color: line };
      if (axis.title) axis.title.color = ink;
    }
    chart.options.plugins.legend.labels.color = ink;
    chart.update();
  };
  charts.add(paint);
  paint();
  return (labels, rows) => {
    chart.data.labels = labels;
    rows.forEach((row, index) => (chart.data.datasets[index].data = row));
    chart.update();
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

const dataset = ({ label, dashed }) => ({
  label, data: [], borderWidth: 2, pointRadius: 2, pointHoverRadius: 4, tension: 0.25, borderDash: dashed ? [5, 4] : [],
});

document.addEventListener("themechange", () => charts.forEach((paint) => paint()));
