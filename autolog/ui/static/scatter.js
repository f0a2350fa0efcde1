/** Runs as points over any two columns. */

import { to } from "./address.js";
import { value } from "./cells.js";
import { h, s } from "./dom.js";
import { number, numeric, title, whole } from "./format.js";
import { ends, plot } from "./plot.js";

const SPREAD = 1000; // between params that are tried by powers, such as rates

/** Give a column's values as numbers: names are numbered in their order, and said under the drawing. Some belong on a log scale. */
export function measured(rows, column) {
  const values = rows.map((row) => value(row, column));
  if (values.every((each) => each == null || !Number.isNaN(numeric(each)))) {
    const places = values.map(numeric);
    const [low, high] = ends(places);
    return { places, names: null, isLog: column.startsWith("params.") && low > 0 && high >= SPREAD * low };
  }
  const names = [...new Set(values.filter((each) => each != null).map(whole))].sort();
  return { places: values.map((each) => (each == null ? NaN : names.indexOf(whole(each)))), names, isLog: false };
}

/** Draw them. */
export function scatter(rows, x, y) {
  const [xs, ys] = [measured(rows, x), measured(rows, y)];
  const shown = rows.map((row, place) => ({ row, x: xs.places[place], y: ys.places[place] })).filter((each) => Number.isFinite(each.x) && Number.isFinite(each.y));
  const said = ({ row }) => `${title(row)}: ${x} ${text(value(row, x))}, ${y} ${text(value(row, y))}`;
  const mark = (px, py) => (each) => s("a", { href: to("run", each.row.id), "aria-label": said(each) }, s("circle.mark.c0", { cx: px(each.x), cy: py(each.y), r: "5" }, s("title", {}, said(each))));
  const drawing = plot({ label: `${y} over ${x}`, x: axis(x, xs), y: axis(y, ys), marks: (px, py) => shown.map(mark(px, py)) });
  drawing.setAttribute("role", "group");
  const names = [xs.names && `${x}: ${xs.names.map((name, place) => `${place} is ${name}`).join(", ")}`, ys.names && `${y}: ${ys.names.map((name, place) => `${place} is ${name}`).join(", ")}`].filter(Boolean);
  return h("section.card.large", {}, drawing, names.map((each) => h("p.muted.facts", {}, each)), shown.length < rows.length ? h("p.muted.facts", {}, `${rows.length - shown.length} runs lack one of the two.`) : null);
}

const text = (each) => (typeof each === "number" ? number(each) : whole(each));

/** Give an axis a little longer than what is on it. */
function axis(name, { places, isLog }) {
  const [low, high] = ends(isLog ? places.map(Math.log10) : places);
  const spare = (high - low) / 20;
  return { name, ends: [low - spare, high + spare], isLog };
}
