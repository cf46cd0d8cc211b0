// Draws a table's columns as lines over time. The table stays what is read; a chart without its table draws nothing.
"use strict";

const CHART_HEIGHT_PX = 176;
const CHART_NARROWEST_PX = 240;
// Lines are told apart by their dashes first, and by their colours after that.
const LINES = [
  { dash: [], border: "solid", colour: "--accent" },
  { dash: [8, 4], border: "dashed", colour: "--waiting" },
  { dash: [2, 3], border: "dotted", colour: "--seen" },
];
const DURATIONS = [
  [0.1, "0.1 s"], [1, "1 s"], [10, "10 s"], [60, "1 min"], [600, "10 min"], [3600, "1 h"], [86400, "1 d"],
  [604800, "7 d"],
];
const drawnCharts = new Map();

function colourOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function inUtc(seconds) {
  return new Date(seconds * 1000).toISOString().slice(11, 16);
}

function asDuration(seconds) {
  const [size, words] = DURATIONS.findLast(([bound]) => bound <= seconds) ?? DURATIONS[0];
  const unit = { s: 1, min: 60, h: 3600, d: 86400 }[words.split(" ")[1]];
  return seconds > 604800 ? "over 7 d" : seconds === size ? words : `${Math.round((seconds / unit) * 100) / 100} ${words.split(" ")[1]}`;
}

// What the table says now: a value for every minute that is over, with nothing, or nought, where it has no row.
function readTable(table, columns, otherwise) {
  const times = [];
  for (let at = Number(table.dataset.from); at <= Number(table.dataset.until); at += 60) times.push(at);
  const rows = new Map([...table.tBodies[0].rows].map((row) => [Number(row.dataset.at), row]));
  const values = columns.map((column) => times.map((at) => {
    const said = rows.get(at)?.cells[column].dataset.value;
    return said === undefined ? otherwise : Number(said);
  }));
  return [times, ...values];
}

function drawChart(place, table, columns, width) {
  const isDuration = place.dataset.unit === "s";
  const axis = { stroke: colourOf("--muted"), grid: { stroke: colourOf("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  const y = isDuration
    ? { splits: (chart) => DURATIONS.map(([size]) => size).filter((size) => size >= chart.scales.y.min && size <= chart.scales.y.max), values: (_, sizes) => sizes.map(asDuration), filter: (_, sizes) => sizes, size: 64 }
    : { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000], size: 64 };
  return new uPlot({
    width,
    height: CHART_HEIGHT_PX,
    scales: {
      x: { time: true },
      y: isDuration ? { distr: 3, range: (_, low, high) => [Math.min(low ?? 0.1, 1) / 2, Math.max(high ?? 1, 1) * 2] } : { range: (_, low, high) => [0, Math.max(high ?? 1, 4)] },
    },
    cursor: { y: false, drag: { x: false, y: false } },
    legend: { markers: { width: 2, dash: (_, line) => LINES[line - 1]?.border ?? "solid" } },
    series: [
      {},
      ...columns.map((column, line) => ({
        label: table.tHead.rows[0].cells[column].textContent,
        stroke: colourOf(LINES[line].colour),
        dash: LINES[line].dash,
        width: 2,
        spanGaps: isDuration,
        points: { show: isDuration, size: 5 },
        value: (_, value) => (value === null ? "" : isDuration ? asDuration(value) : String(value)),
      })),
    ],
    axes: [
      { ...axis, values: (_, times) => times.map(inUtc), space: 64, size: 28 },
      { ...axis, ...y },
    ],
  }, readTable(table, columns, isDuration ? null : 0), place);
}

// What the figure's surroundings leave it: the figure itself is not shown while nothing is drawn in it.
function widthFor(place) {
  return Math.max(place.closest("figure").parentElement.clientWidth, CHART_NARROWEST_PX);
}

function drawCharts() {
  for (const [place, chart] of drawnCharts) {
    if (place.isConnected) continue;
    chart.destroy();
    drawnCharts.delete(place);
  }
  for (const place of document.querySelectorAll(".chart")) {
    const table = document.getElementById(place.dataset.table);
    if (!table) continue;
    const columns = place.dataset.columns.split(" ").map(Number);
    const chart = drawnCharts.get(place);
    if (chart) chart.setData(readTable(table, columns, place.dataset.unit === "s" ? null : 0));
    else drawnCharts.set(place, drawChart(place, table, columns, widthFor(place)));
  }
}

function drawChartsAnew() {
  for (const chart of drawnCharts.values()) chart.destroy();
  drawnCharts.clear();
  drawCharts();
}

drawCharts();
document.addEventListener("htmx:after:swap", drawCharts);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawChartsAnew);
window.addEventListener("resize", () => {
  for (const [place, chart] of drawnCharts) chart.setSize({ width: widthFor(place), height: CHART_HEIGHT_PX });
});
