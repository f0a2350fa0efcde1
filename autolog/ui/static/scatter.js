/** Runs as points over any two columns. */

import { to } from "./address.js";
import { value } from "./cells.js";
import { h, s } from "./dom.js";
import { number, numeric, title, whole } from "./format.js";
import { ends, plot } from "./plot.js";

/** Give a column's values as numbers: names are numbered in their order, and said under the drawing. */
export function measured(rows, column) {
  const values = rows.map((row) => value(row, column));
  if (values.every((each) => each == null || !Number.isNaN(numeric(each)))) return { places: values.map(numeric), names: null };
  const names = [...new Set(values.filter((each) => each != null).map(whole))].sort();
  return { places: values.map((each) => (each == null ? NaN : names.indexOf(whole(each)))), names };
}

/** Draw them. */
export function scatter(rows, x, y) {
  const [xs, ys] = [measured(rows, x), measured(rows, y)];
  const shown = rows.map((row, place) => ({ row, x: xs.places[place], y: ys.places[place] })).filter((each) => Number.isFinite(each.x) && Number.isFinite(each.y));
  const said = ({ row }) => `${title(row)}: ${x} ${text(value(row, x))}, ${y} ${text(value(row, y))}`;
  const mark = (px, py) => (each) => s("a", { href: to("run", each.row.id), "aria-label": said(each) }, s("circle.mark.c0", { cx: px(each.x), cy: py(each.y), r: "5" }, s("title", {}, said(each))));
  const drawing = plot({ label: `${y} over ${x}`, x: [x, padded(ends(xs.places))], y: [y, padded(ends(ys.places))], marks: (px, py) => shown.map(mark(px, py)) });
  drawing.setAttribute("role", "group");
  const names = [xs.names && `${x}: ${xs.names.map((name, place) => `${place} is ${name}`).join(", ")}`, ys.names && `${y}: ${ys.names.map((name, place) => `${place} is ${name}`).join(", ")}`].filter(Boolean);
  return h("section.card.large", {}, drawing, names.map((each) => h("p.muted.facts", {}, each)), shown.length < rows.length ? h("p.muted.facts", {}, `${rows.length - shown.length} runs lack one of the two.`) : null);
}

const text = (each) => (typeof each === "number" ? number(each) : whole(each));

const padded = ([low, high]) => [low - (high - low) / 20, high + (high - low) / 20];
