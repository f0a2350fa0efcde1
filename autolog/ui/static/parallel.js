/** Runs as lines across parallel axes; what is brushed on each axis leaves the runs between. */

import { change, joined, list, to } from "./address.js";
import { h, s } from "./dom.js";
import { number, title } from "./format.js";
import { ends, ticks } from "./plot.js";
import { measured } from "./scatter.js";

const HIGH = 360;
const [TOP, BOTTOM] = [40, HIGH - 20];
const WIDE = 150;

/** Read the brushes: `params.C:0.1:10`, each name escaped. */
const brushesOf = (state) => new Map(list(state.get("brush")).map((item) => item.match(/^(.*):([^:]+):([^:]+)$/s)).filter(Boolean).map(([, axis, low, high]) => [axis, [Number(low), Number(high)]]));

const written = (brushes) => joined([...brushes].map(([axis, [low, high]]) => `${axis}:${Number(low.toPrecision(8))}:${Number(high.toPrecision(8))}`));

/** Draw them. */
export function parallel(rows, names, state) {
  if (!names.length) return h("p.muted", {}, "Choose an axis above.");
  const brushes = brushesOf(state);
  const axes = names.map((name, place) => axisOf(rows, name, 70 + place * WIDE));
  const isKept = (_, row) => axes.every(({ name, places }) => within(brushes.get(name), places[row]));
  const kept = rows.filter(isKept);
  const hues = (_, row) => (isKept(null, row) ? "kept" : "left");
  const lines = rows.map((row, place) => s(`path.run.${hues(null, place)}`, { d: path(axes, place) }, s("title", {}, title(row))));
  const last = axes.at(-1).x;
  const drawing = s("svg.parallel", { viewBox: `0 0 ${last + 90} ${HIGH}`, width: last + 90, height: HIGH, role: "group", "aria-label": "Parallel axes: drag along one to keep the runs between" }, lines, axes.map((axis) => drawn(axis, brushes)));
  const found = h("p.facts", { role: "status" }, `${kept.length} of ${rows.length} runs`, brushes.size ? h("button.plain", { onclick: () => change({ brush: "" }) }, "Clear the brushes") : null, kept.length && kept.length < rows.length ? h("a.button", { href: to("compare", "", { ids: kept.map(({ id }) => id).join() }) }, `Compare these ${kept.length}`) : null);
  return h("section.card", {}, h("div.wide", { tabindex: "0", role: "region", "aria-label": "Parallel axes" }, drawing), found, h("ul.legend", {}, kept.slice(0, 20).map((row) => h("li", {}, h("a", { href: to("run", row.id) }, title(row))))));
}

function axisOf(rows, name, x) {
  const { places, names } = measured(rows, name);
  const [low, high] = ends(places);
  const y = (value) => BOTTOM - ((value - low) / (high - low)) * (BOTTOM - TOP);
  const marks = names ? names.map((each, place) => [place, each]) : ticks(low, high).map((each) => [each, number(each)]);
  return { name, x, y, places, marks, at: (pixels) => low + ((BOTTOM - pixels) / (BOTTOM - TOP)) * (high - low) };
}

const within = (brush, value) => !brush || (value >= brush[0] && value <= brush[1]);

/** A run goes on at the next axis that it has a value on. */
const path = (axes, row) => axes.filter(({ places }) => Number.isFinite(places[row])).map(({ x, y, places }, place) => `${place ? "L" : "M"}${x} ${y(places[row]).toFixed(1)}`).join("");

function drawn(axis, brushes) {
  const { name, x, y, marks, at } = axis;
  const brush = brushes.get(name);
  const box = s("rect.brush", { x: x - 9, width: 18, y: brush ? y(brush[1]) : TOP, height: brush ? Math.max(2, y(brush[0]) - y(brush[1])) : 0 });
  const catcher = s("rect.catch", { x: x - 16, width: 32, y: TOP - 6, height: BOTTOM - TOP + 12, "data-axis": name });
  catcher.addEventListener("pointerdown", (event) => drag(event, catcher, box, (low, high) => {
    const next = new Map(brushes);
    if (high - low < 3) next.delete(name);
    else next.set(name, [at(high), at(low)]);
    change({ brush: written(next) });
  }));
  const label = name.length > 20 ? `${name.slice(0, 19)}…` : name;
  return s("g.axis", {}, s("path", { d: `M${x} ${TOP}V${BOTTOM}` }), s("text.name", { x, y: 16, "text-anchor": "middle" }, label, s("title", {}, name)), marks.map(([place, text]) => s("text", { x: x - 8, y: y(place) + 4, "text-anchor": "end" }, text.length > 12 ? `${text.slice(0, 11)}…` : text)), box, catcher);
}

function drag(event, catcher, box, done) {
  const svg = catcher.ownerSVGElement;
  const place = (each) => Math.min(BOTTOM + 6, Math.max(TOP - 6, new DOMPoint(each.clientX, each.clientY).matrixTransform(svg.getScreenCTM().inverse()).y));
  const start = place(event);
  const span = (each) => [start, place(each)].sort((a, b) => a - b);
  event.preventDefault();
  catcher.setPointerCapture(event.pointerId);
  catcher.onpointermove = (moved) => {
    const [low, high] = span(moved);
    box.setAttribute("y", low);
    box.setAttribute("height", high - low);
  };
  catcher.onpointerup = (moved) => {
    catcher.onpointermove = catcher.onpointerup = null;
    done(...span(moved));
  };
}
