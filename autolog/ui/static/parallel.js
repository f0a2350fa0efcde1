/** Runs as lines across parallel axes; what is brushed on each axis leaves the runs between. */

import { adjust, change, joined, list, to } from "./address.js";
import { h, s } from "./dom.js";
import { number, stepped, title } from "./format.js";
import { ends, marked, scale } from "./plot.js";
import { measured } from "./scatter.js";

const HIGH = 360;
const [TOP, BOTTOM] = [40, HIGH - 20];
const SIDE = 80;
const [NARROW, WIDE] = [130, 400]; // between two axes
const LETTER = 3.6; // half as wide as one
const STEPS = 40; // of an arrow key from one end of an axis to the other
const SPARE = 1 / 25; // of a step, by which a brush goes beyond its end: what lies on the end is kept

/** Read the brushes: `params.C:0.1:10`, each name escaped. */
const brushesOf = (state) => new Map(list(state.get("brush")).map((item) => item.match(/^(.*):([^:]+):([^:]+)$/s)).filter(Boolean).map(([, axis, low, high]) => [axis, [Number(low), Number(high)]]));

const written = (brushes) => joined([...brushes].map(([axis, [low, high]]) => `${axis}:${Number(low.toPrecision(15))}:${Number(high.toPrecision(15))}`));

/** Draw them, over a width where there is room for it. */
export function parallel(rows, names, state, width) {
  if (!names.length) return h("p.muted", {}, "Choose an axis above.");
  const brushes = brushesOf(state);
  const [left, right] = [names[0], names.at(-1)].map((name) => Math.max(SIDE, LETTER * name.length));
  const apart = Math.min(WIDE, Math.max(NARROW, (width - left - right - 40) / Math.max(1, names.length - 1)));
  const axes = names.map((name, place) => ({ ...axisOf(rows, name, left + place * apart), apart }));
  const isKept = (_, row) => axes.every(({ name, places }) => within(brushes.get(name), places[row]));
  const kept = rows.filter(isKept);
  const hues = (_, row) => (isKept(null, row) ? "kept" : "left");
  const lines = rows.map((row, place) => s(`path.run.${hues(null, place)}`, { d: path(axes, place) }, s("title", {}, title(row))));
  const whole = axes.at(-1).x + right;
  const drawing = s("svg.parallel", { viewBox: `0 0 ${whole} ${HIGH}`, width: whole, height: HIGH, role: "group", "aria-label": "Parallel axes: drag along one, or move its two ends by the arrow keys, to keep the runs between" }, lines, axes.map((axis) => drawn(axis, brushes)));
  const found = h("p.facts", { role: "status" }, `${kept.length} of ${rows.length} runs`, brushes.size ? h("button.plain", { onclick: () => change({ brush: "" }) }, "Clear the brushes") : null, kept.length && kept.length < rows.length ? h("a.button", { href: to("compare", "", { ids: kept.map(({ id }) => id).join() }) }, `Compare these ${kept.length}`) : null);
  return h("section.card", {}, h("div.wide", { tabindex: "0", role: "region", "aria-label": "Parallel axes" }, drawing), found, h("ul.legend", {}, kept.slice(0, 20).map((row) => h("li", {}, h("a", { href: to("run", row.id) }, title(row))))));
}

function axisOf(rows, name, x) {
  const { places, names, isLog } = measured(rows, name);
  const [low, high] = ends(isLog ? places.map(Math.log10) : places);
  const axis = { ends: [low, high], isLog };
  const y = scale(axis, BOTTOM, TOP);
  const fine = 10 ** Math.floor(Math.log10((high - low) / STEPS));
  const text = (value, step = fine) => (names ? names[Math.round(value)] : isLog ? number(value) : stepped(value, step));
  const found = names ? [...names.keys()] : marked(axis);
  const marks = found.map((each) => [each, text(each, found.length > 1 ? found[1] - found[0] : fine)]);
  const from = (share) => (isLog ? 10 ** (low + share * (high - low)) : low + share * (high - low)); // 0 is its lower end
  const shareOf = (value) => ((isLog ? Math.log10(value) : value) - low) / (high - low);
  return { name, x, y, from, shareOf, places, names, marks, text, at: (pixels) => from((BOTTOM - pixels) / (BOTTOM - TOP)) };
}

const within = (brush, value) => !brush || (value >= brush[0] && value <= brush[1]);

/** A run goes on at the next axis that it has a value on. */
const path = (axes, row) => axes.filter(({ places }) => Number.isFinite(places[row])).map(({ x, y, places }, place) => `${place ? "L" : "M"}${x} ${y(places[row]).toFixed(1)}`).join("");

function drawn(axis, brushes) {
  const { name, x, y, marks, at, apart } = axis;
  const brush = brushes.get(name);
  const [bottom, top] = brush ? brush.map((value) => Math.min(BOTTOM + 6, Math.max(TOP - 6, y(value) || BOTTOM))) : [TOP, TOP];
  const box = s("rect.brush", { x: x - 9, width: 18, y: top, height: brush ? Math.max(2, bottom - top) : 0 });
  const catcher = s("rect.catch", { x: x - 16, width: 32, y: TOP - 6, height: BOTTOM - TOP + 12, "data-axis": name });
  catcher.addEventListener("pointerdown", (event) => drag(event, catcher, box, (low, high) => {
    const next = new Map(brushes);
    if (high - low < 3) next.delete(name);
    else next.set(name, [at(high), at(low)]);
    change({ brush: written(next) });
  }));
  const [most, room] = [Math.floor(apart / 7.5), Math.floor((apart - 30) / 7.5)];
  return s("g.axis", {}, s("path", { d: `M${x} ${TOP}V${BOTTOM}` }), s("text.name", { x, y: 16, "text-anchor": "middle" }, cut(name, most), s("title", {}, name)), marks.map(([place, text]) => s("text", { x: x - 8, y: y(place) + 4, "text-anchor": "end" }, cut(text, room), s("title", {}, text))), box, catcher, handle(axis, brushes, 0), handle(axis, brushes, 1));
}

const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** Draw one end of a brush, for the keys: 0 the least that is kept, 1 the greatest. */
function handle(axis, brushes, end) {
  const { name, x, y, from, shareOf, names, text } = axis;
  const step = names ? 1 / Math.max(1, names.length - 1) : 1 / STEPS;
  const spare = step * SPARE;
  const ends = brushes.get(name) ?? [from(-spare), from(1 + spare)];
  const share = Math.min(1, Math.max(0, shareOf(ends[end]) + (end ? -spare : spare) || 0));
  const value = from(share);
  const next = { ArrowUp: share + step, ArrowRight: share + step, ArrowDown: share - step, ArrowLeft: share - step, PageUp: share + 5 * step, PageDown: share - 5 * step, Home: 0, End: 1 };
  const move = (event) => {
    const isGone = event.key === "Escape" || event.key === "Delete";
    if (!isGone && !(event.key in next)) return;
    event.preventDefault();
    const at = Math.min(1, Math.max(0, next[event.key]));
    const around = [from(at - spare), from(at + spare)];
    const moved = end ? [Math.min(ends[0], around[0]), around[1]] : [around[0], Math.max(ends[1], around[1])];
    const others = [...brushes].filter(([each]) => each !== name);
    adjust({ brush: written(new Map(isGone ? others : [...others, [name, moved]])) });
  };
  const words = { role: "slider", tabindex: "0", "aria-orientation": "vertical", "aria-label": `${end ? "Greatest" : "Least"} ${name}`, "aria-valuemin": from(0), "aria-valuemax": from(1), "aria-valuenow": value, "aria-valuetext": text(value) };
  return s(brushes.has(name) ? "rect.handle.set" : "rect.handle", { x: x - 11, y: y(from(share)) - 3, width: 22, height: 6, rx: 3, "data-handle": `${end} ${name}`, onkeydown: move, ...words });
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
