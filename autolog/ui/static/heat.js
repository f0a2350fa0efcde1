/** A metric over two params. */

import { h } from "./dom.js";
import { number, numeric, whole } from "./format.js";
import { ends } from "./plot.js";

/** Draw the mean of each cell; the stronger, the greater. */
export function heat({ x, y, cells, counts }, names) {
  const [low, high] = ends(cells.flat().map((each) => (each == null ? NaN : numeric(each))));
  const cell = (value, runs) => {
    if (value == null) return h("td", {}, "");
    const share = (numeric(value) - low) / (high - low);
    return h("td", { title: `${whole(value)}, the mean of ${runs} ${runs === 1 ? "run" : "runs"}`, class: share > 0.5 ? "strong" : "", style: { "--share": `${Math.round(share * 100)}%` } }, number(value));
  };
  const head = h("tr", {}, h("th.corner", { scope: "col" }, `${names.y} ╲ ${names.x}`), x.map((value) => h("th", { scope: "col" }, whole(value))));
  const lines = y.map((value, line) => h("tr", {}, h("th", { scope: "row" }, whole(value)), cells[line].map((each, column) => cell(each, counts[line][column]))));
  return h("section.card", {}, h("h2", {}, names.metric), h("div.wide", { tabindex: "0", role: "region", "aria-label": `${names.metric} over ${names.x} and ${names.y}` }, h("table.matrix", {}, h("thead", {}, head), h("tbody", {}, lines))));
}
