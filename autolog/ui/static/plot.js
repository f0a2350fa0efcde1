/** Drawings of a few hundred marks with two axes, as SVG. */

import { s } from "./dom.js";
import { number } from "./format.js";

const WIDE = 480;
const HIGH = 300;
const EDGE = { left: 56, right: 12, top: 12, bottom: 44 };

/** Give round numbers between two ends. */
export function ticks(low, high, most = 5) {
  if (!(high > low)) return [low];
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const first = Math.ceil(low / step) * step;
  return Array.from({ length: Math.floor((high - first) / step + 1e-9) + 1 }, (_, place) => Number((first + place * step).toPrecision(12)));
}

/** Give the least and the greatest of numbers, a little apart where they are one. */
export function ends(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) if (Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (low > high) return [0, 1];
  return low < high ? [low, high] : [low - (Math.abs(low) / 10 || 1), high + (Math.abs(high) / 10 || 1)];
}

/** Draw two axes, `{name, ends, isLog}` each, and what `marks(x, y)` gives, where x and y turn values into places; ends of a log scale are powers of ten. */
export function plot({ label, x: over, y: up, marks }) {
  const [x, y] = [scale(over, EDGE.left, WIDE - EDGE.right), scale(up, HIGH - EDGE.bottom, EDGE.top)];
  const across = marked(over).map((tick) => [s("path.rule", { d: `M${x(tick)} ${EDGE.top}V${HIGH - EDGE.bottom}` }), s("text", { x: x(tick), y: HIGH - EDGE.bottom + 16, "text-anchor": "middle" }, number(tick))]);
  const upward = marked(up).map((tick) => [s("path.rule", { d: `M${EDGE.left} ${y(tick)}H${WIDE - EDGE.right}` }), s("text", { x: EDGE.left - 6, y: y(tick) + 4, "text-anchor": "end" }, number(tick))]);
  const names = [s("text.name", { x: (EDGE.left + WIDE - EDGE.right) / 2, y: HIGH - 8, "text-anchor": "middle" }, over.name), s("text.name", { transform: `translate(13 ${(HIGH - EDGE.bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, up.name)];
  return s("svg.plot", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": label }, across, upward, names, marks(x, y));
}

/** Give the values that an axis is marked at. */
export const marked = ({ ends: [low, high], isLog }) => ticks(low, high).map((tick) => (isLog ? Number((10 ** tick).toPrecision(4)) : tick));

/** Give what turns the values of an axis into places between two others. */
export const scale = ({ ends: [low, high], isLog }, from, until) => (value) => Number((from + (((isLog ? Math.log10(value) : value) - low) / (high - low)) * (until - from)).toFixed(1));

/** Draw a line through points. */
export const line = (xs, ys, x, y, kind) => s(`path.line.${kind}`, { d: xs.map((each, place) => `${place ? "L" : "M"}${x(each)} ${y(ys[place])}`).join("") });
