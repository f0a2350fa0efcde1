/** The charts of a run, drawn from the tables that were recorded. */

import { h, nth, s, table } from "./dom.js";
import { brief, number, numeric, whole } from "./format.js";
import { ends, line, plot } from "./plot.js";

const MOST = 60; // bars, and labels of a matrix

const DRAWN = {
  confusion_matrix: matrix,
  roc_curve: (data, title) => curves(data, title, "false_positive_rate", "true_positive_rate", "class", [[0, 1], [0, 1]], data.areas),
  precision_recall_curve: (data, title) => curves(data, title, "recall", "precision", "class", null, data.average_precisions),
  det_curve: (data, title) => curves(data, title, "false_positive_rate", "false_negative_rate", "class", null),
  calibration_curve: (data, title) => curves(data, title, "mean_predicted_probability", "fraction_of_positives", null, [[0, 1], [0, 1]]),
  residual_quantiles: (data, title) => curves(data, title, "quantile", "residual", "output", null),
  residuals,
  feature_importances: (data) => bars(data, "feature", "importance"),
  coefficients: (data) => bars(data, "feature", "coefficient"),
};

/** Draw a chart; of a kind that is not known, its table. */
export function drawn(kind, data, title) {
  return (DRAWN[kind] ?? plain)(data, title);
}

function plain({ columns }, title) {
  const names = Object.keys(columns);
  const lines = (columns[names[0]] ?? []).slice(0, 200).map((_, row) => names.map((name) => brief(columns[name][row])));
  return table(title, names, lines);
}

function matrix({ columns, labels = [] }, title) {
  const shown = labels.slice(0, MOST);
  const key = (a, b) => JSON.stringify([a, b]);
  const counts = new Map(columns.count.map((count, row) => [key(columns.true[row], columns.predicted[row]), count]));
  const most = Math.max(...columns.count, 1);
  const cell = (truth, predicted) => {
    const count = counts.get(key(truth, predicted)) ?? 0;
    return h("td", { style: { "--share": `${Math.round((100 * count) / most)}%` }, class: count > most / 2 ? "strong" : "" }, String(count));
  };
  const head = h("tr", {}, h("th.corner", { scope: "col" }, "true ╲ predicted"), shown.map((label) => h("th", { scope: "col" }, whole(label))));
  const lines = shown.map((truth) => h("tr", {}, h("th", { scope: "row" }, whole(truth)), shown.map((predicted) => cell(truth, predicted))));
  return h("div.wide", { tabindex: "0", role: "region", "aria-label": title }, h("table.matrix", {}, h("thead", {}, head), h("tbody", {}, lines)));
}

/** Draw a curve for each value of a column, and a diagonal where both ends are shares. */
function curves({ columns }, title, x, y, by, diagonal, areas) {
  const parts = parted(columns, by, [x, y]);
  const words = (name) => name.replaceAll("_", " ");
  const share = [0, 1];
  const isShare = x !== "quantile";
  const marks = (px, py) => [diagonal ? s("path.diagonal", { d: `M${px(0)} ${py(0)}L${px(1)} ${py(1)}` }) : null, parts.map(([, part], place) => line(part[x], part[y], px, py, nth(place)))];
  const axes = { x: { name: words(x), ends: share }, y: { name: words(y), ends: isShare ? share : ends(columns[y].map(numeric)) } };
  const legend = by ? h("ul.legend", {}, parts.map(([name], place) => h("li", {}, h(`span.swatch.${nth(place)}`), whole(name), areas?.[place] == null ? null : h("span.muted", {}, number(areas[place]))))) : null;
  return h("div", {}, plot({ label: title, ...axes, marks }), legend);
}

/** Cut a table into parts, one for each value of a column; rows without a number are passed over. */
function parted(columns, by, names) {
  const parts = new Map();
  columns[names[0]].forEach((_, row) => {
    const values = names.map((name) => numeric(columns[name][row]));
    if (!values.every(Number.isFinite)) return;
    const name = by ? columns[by]?.[row] : "";
    if (!parts.has(name)) parts.set(name, Object.fromEntries(names.map((each) => [each, []])));
    names.forEach((each, place) => parts.get(name)[each].push(values[place]));
  });
  return [...parts];
}

function residuals({ columns }, title) {
  const [xs, ys, rows] = ["predicted", "residual", "rows"].map((name) => columns[name].map(numeric));
  const most = Math.max(...rows, 1);
  const marks = (x, y) => rows.map((count, row) => s("circle.mark.c0", { cx: x(xs[row]), cy: y(ys[row]), r: (2 + 6 * Math.sqrt(count / most)).toFixed(1) }, s("title", {}, `${count} rows`)));
  return plot({ label: title, x: { name: "predicted", ends: ends(xs) }, y: { name: "residual", ends: ends(ys) }, marks });
}

/** Draw a bar for each name; one below zero has another colour. */
function bars({ columns }, name, size) {
  const most = Math.max(...columns[size].map((value) => Math.abs(numeric(value)) || 0), Number.MIN_VALUE);
  const bar = (_, row) => {
    const value = numeric(columns[size][row]);
    const share = `${((100 * Math.abs(value)) / most).toFixed(1)}%`;
    const of = columns.of?.[row];
    return h("li", {}, h("span.what", { title: whole(columns[name][row]) }, `${whole(columns[name][row])}${of == null ? "" : ` · ${whole(of)}`}`), h("span.track", {}, h(value < 0 ? "span.fill.below" : "span.fill", { style: { width: share } })), h("span.number", {}, number(value)));
  };
  const left = columns[name].length - MOST;
  return h("div", {}, h("ol.bars", {}, columns[name].slice(0, MOST).map(bar)), left > 0 ? h("p.muted", {}, `and ${left} more in the file`) : null);
}
