/** The cells of a table of runs. */

import { h, s } from "./dom.js";
import { to } from "./address.js";
import { brief, duration, moment, number, numeric, title, whole } from "./format.js";

/** Draw a status: a dot, whose shape too says which, and the word. */
export const status = (name) => h(`span.status.${/^[A-Z]+$/.test(name) ? name.toLowerCase() : "lost"}`, {}, name.toLowerCase());

const WORDS = { status: "Status", start_time: "Started", duration: "Duration", experiment: "Experiment", children: "Children", best: "Best child", spark: "Curve" };

/** The columns that every run has. */
export const OWN = Object.keys(WORDS);

/** Name a column. */
export const heading = (column) => WORDS[column] ?? column.slice(column.indexOf(".") + 1);

/** Say how wide a column is unless somebody drew it. */
export const width = (column) => ({ name: 260, start_time: 190, spark: 120, best: 150, children: 110 })[column] ?? (column.startsWith("tags.") ? 150 : 112);

/** Give a run's value under a column. */
export function value(row, column) {
  const [group, key] = [column.split(".")[0], column.slice(column.indexOf(".") + 1)];
  if (["params", "metrics", "tags"].includes(group)) return row[group][key];
  return { start_time: row.start, run_name: row.name }[column] ?? row[column];
}

const DRAWN = {
  status: (row) => status(row.status),
  start_time: (row) => moment(row.start),
  duration: (row) => duration(row.duration ?? (row.status === "RUNNING" && row.start ? Date.now() / 1000 - row.start : null)),
  experiment: (row) => row.experiment,
  children: ({ children }) => (children.total ? `${children.ended} of ${children.total}${children.failed ? `, ${children.failed} failed` : ""}` : ""),
  best: ({ best }) => (best ? h("a", { href: to("run", best.id), tabindex: "-1", title: `${best.metric} = ${whole(best.value)}` }, `${number(best.value)} ${best.metric}`) : ""),
  spark: ({ spark }) => (spark?.length > 1 ? line(spark.map(numeric)) : ""),
};

/** Say whether a column holds numbers only. */
export const isMeasured = (column) => column.startsWith("metrics.");

/** Draw a cell. */
export function cell(row, column) {
  const drawn = DRAWN[column]?.(row) ?? brief(value(row, column));
  return h(isMeasured(column) ? "div.cell.number" : "div.cell", { role: "gridcell", title: typeof drawn === "string" ? full(row, column, drawn) : null }, drawn);
}

const full = (row, column, drawn) => (DRAWN[column] ? drawn : value(row, column) === undefined ? null : whole(value(row, column)));

/** Draw a small curve. */
function line(values) {
  const finite = values.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const y = (each) => (high > low ? 19 - (17 * (each - low)) / (high - low) : 10);
  const points = values.map((each, place) => [(place * 100) / (values.length - 1), y(each)]);
  const path = points.map(([x, each], place) => (Number.isFinite(each) ? `${Number.isFinite(points[place - 1]?.[1]) ? "L" : "M"}${x.toFixed(1)} ${each.toFixed(1)}` : "")).join("");
  return s("svg.spark", { viewBox: "0 0 100 20", preserveAspectRatio: "none", "aria-hidden": "true" }, s("path", { d: path }));
}

const chevron = (isOpen) => s("svg", { viewBox: "0 0 10 10", width: "10", height: "10", "aria-hidden": "true" }, s("path", { d: isOpen ? "M1 3l4 4 4-4" : "M3 1l4 4-4 4" }));

/** Draw the first cell: what folds, what chooses, and the name, which opens the run. */
export function first(row, depth, { isOpen, isChosen, fold, choose }) {
  const foldable = row.children.total > 0;
  const arrow = h("button.fold", { tabindex: "-1", "aria-label": `${isOpen ? "Fold" : "Unfold"} ${title(row)}`, onclick: fold }, chevron(isOpen));
  return h("div.cell.first", { role: "gridcell", style: { "padding-left": `${depth * 18}px` } },
    h("input", { type: "checkbox", tabindex: "-1", checked: isChosen, "aria-label": `Choose ${title(row)}`, onclick: choose }),
    foldable ? arrow : h("span.fold", {}),
    h("a", { href: to("run", row.id), tabindex: "-1", title: row.error ? brief(row.error) : title(row) }, title(row)),
    row.notes ? h("span.notes", { title: "Its record has notes of what is missing" }, `${row.notes}`) : null);
}
