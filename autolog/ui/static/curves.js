/** Metrics as curves; each shows its extremes however many points it has, and down to the single one. */

import { ask, of } from "./api.js";
import { colour, h } from "./dom.js";
import { number, numeric, stepped } from "./format.js";

const HIGH = 220;
const WHOLE = Array.from({ length: 15 }, (_, power) => [1, 2, 5].map((each) => each * 10 ** power)).flat(); // between two steps is none

/** Ask for series of runs: `[{id, key, name, hue}]`, each a curve. */
export function load(curves, { x, window }) {
  const ask1 = ({ id, key }) => ask(of(id, "series"), { key, x, from: window?.[0], to: window?.[1], buckets: 1000 });
  return Promise.all(curves.map(async (curve) => ({ ...curve, ...(await ask1(curve)).series[0] })));
}

/** Smooth values by an exponential mean that has no bias at its beginning; a gap stays one. */
export function smoothed(values, share) {
  let [mean, weight] = [0, 0];
  return values.map((value) => {
    if (value == null || !Number.isFinite(value)) return null;
    mean = share * mean + (1 - share) * value;
    weight = share * weight + (1 - share);
    return mean / weight;
  });
}

/** A card with curves over one another. `on.zoom(window)` is told what is to be looked at; null is all. */
export class Curves {
  constructor(title, on) {
    this.on = on;
    this.title = title;
    const held = { onpointerdown: () => (this.held = true), onpointerup: () => this.letGo(), onpointercancel: () => this.letGo(), onlostpointercapture: () => this.letGo() };
    this.place = h("div.curve", { tabindex: "0", role: "group", onkeydown: (event) => this.key(event), ondblclick: () => on.zoom(null), ...held });
    this.facts = h("p.muted.facts", {});
    this.all = h("button.plain", { hidden: true, onclick: () => on.zoom(null) }, "Show all");
    this.element = h("section.card", {}, h("div.title", {}, h("h2", {}, title), this.all), this.place, this.facts);
    this.resizing = new ResizeObserver(() => this.chart?.setSize({ width: this.place.clientWidth, height: HIGH }));
    this.resizing.observe(this.place);
  }

  close() {
    this.resizing.disconnect();
    this.chart?.destroy();
  }

  /** Draw loaded series; while somebody drags over them, once that is done. */
  draw(series, look) {
    this.series = series;
    this.later = this.held ? look : null;
    if (this.later) return;
    this.all.hidden = !look.window;
    const data = aligned(series, look);
    const drawnAs = JSON.stringify([look, series.map(({ name, hue, exact }) => [name, hue, exact])]);
    if (this.chart && drawnAs === this.drawnAs) this.chart.setData(data); // the pointer and what it reads stay
    else {
      this.chart?.destroy();
      this.chart = new uPlot({ ...this.options(series, look), width: this.place.clientWidth || 300, height: HIGH }, data, this.place);
      this.drawnAs = drawnAs;
    }
    this.facts.textContent = said(series);
    this.place.setAttribute("aria-label", `${this.title}: ${this.facts.textContent}. Drag or use + − ← → to look closer, 0 shows all`);
  }

  letGo() {
    this.held = false;
    if (this.later) this.draw(this.series, this.later);
  }

  options(series, { x, log }) {
    const [ink, rule] = [colour("muted"), colour("line")];
    const axis = { stroke: ink, grid: { stroke: rule, width: 1 }, ticks: { stroke: rule, width: 1 }, font: "12px system-ui" };
    const marks = (isOfPowers) => (_, found, __, ___, step) => found.map((each) => (each == null ? "" : isOfPowers || !step ? number(each) : stepped(each, step)));
    const drawn = series.flatMap(({ name, hue, exact, dash }) => {
      const stroke = colour(hue);
      const value = (_, each) => (each == null ? "–" : number(each));
      const thin = (share) => ({ ...(share && { stroke: faint(stroke, share), width: 1 }), points: { show: false } });
      const edge = thin(exact ? 0 : 0.55);
      return [{ label: name, stroke, width: 1.6, dash: dash?.pattern, value }, thin(0.3), edge, edge];
    });
    const bands = series.map(({ hue }, place) => ({ series: [4 * place + 3, 4 * place + 4], fill: faint(colour(hue), 0.16) }));
    return {
      series: [{ label: x, value: (_, each) => (each == null ? "–" : x === "time" ? new Date(each * 1000).toLocaleTimeString() : number(each)) }, ...drawn],
      bands,
      scales: { x: { time: x === "time" }, y: { distr: log ? 3 : 1 } },
      axes: [{ ...axis, space: 90, ...(x === "step" ? { incrs: WHOLE } : {}), ...(x === "time" ? {} : { values: marks(false) }) }, { ...axis, size: 62, values: marks(log) }],
      legend: { show: true, live: true, markers: { width: 2, dash: (_, place) => series[Math.floor((place - 1) / 4)]?.dash?.border ?? "solid" } },
      cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
      hooks: { setSelect: [(chart) => this.select(chart)], ready: [(chart) => legend(chart, series)] },
    };
  }

  select(chart) {
    const { left, width } = chart.select;
    if (width > 3) this.zoom([chart.posToVal(left, "x"), chart.posToVal(left + width, "x")]);
  }

  /** Look between two ends; from point to point where there is none between them. */
  zoom([low, high]) {
    const xs = this.chart.data[0];
    const isEmpty = !xs.some((x) => x >= low && x <= high);
    this.on.zoom(isEmpty ? [xs.findLast((x) => x < low) ?? low, xs.find((x) => x > high) ?? high] : [low, high]);
  }

  key(event) {
    const { min, max } = this.chart?.scales.x ?? {};
    const wide = max - min;
    const windows = { "+": [min + wide / 4, max - wide / 4], "-": [min - wide / 2, max + wide / 2], ArrowLeft: [min - wide / 4, max - wide / 4], ArrowRight: [min + wide / 4, max + wide / 4], 0: null };
    if (!(event.key in windows) || !Number.isFinite(wide)) return;
    event.preventDefault();
    if (windows[event.key]) this.zoom(windows[event.key]);
    else this.on.zoom(null);
  }
}

/** The legend names a curve once, not its band too; a run's name leads to it. */
function legend(chart, series) {
  [...chart.root.querySelectorAll(".u-legend .u-series")].forEach((line, place) => {
    const found = place ? series[(place - 1) / 4] : null;
    line.hidden = place > 0 && !found;
    if (found?.href) line.querySelector(".u-label").replaceChildren(h("a", { href: found.href }, found.name));
  });
}

/** Give all series over one x: the curve, what was smoothed, and the band from least to greatest. */
function aligned(series, { smooth, log }) {
  const numbers = (values) => values.map((value) => (value == null || (log && numeric(value) <= 0) ? null : finite(numeric(value))));
  const tables = series.map(({ x, last, low, high, exact, gaps }) => {
    const missing = new Set(gaps);
    const values = numbers(last).map((value, place) => (missing.has(x[place]) ? null : value));
    const none = x.map(() => null);
    return [x, smooth ? smoothed(values, smooth) : values, smooth ? values : none, exact ? none : numbers(high), exact ? none : numbers(low)];
  });
  if (!tables.length) return [[]];
  return uPlot.join(tables, tables.map(() => [1, 1, 1, 1]));
}

const faint = (stroke, share) => stroke.replace(/^rgb\((.*)\)$/, `rgba($1, ${share})`);

const finite = (value) => (Number.isFinite(value) ? value : null);

function said(series) {
  const points = series.reduce((sum, each) => sum + each.points, 0);
  const gaps = series.reduce((sum, each) => sum + each.gaps.length, 0);
  const exact = series.every((each) => each.exact);
  const infinite = series.reduce((sum, { low, high }) => sum + low.filter((each, place) => [each, high[place]].some((one) => Math.abs(numeric(one)) === Infinity)).length, 0);
  return `${points.toLocaleString()} ${points === 1 ? "point" : "points"}${exact ? "" : ", each bucket from its least to its greatest"}${gaps ? `, ${gaps} NaN` : ""}${infinite ? `, ${infinite} infinite` : ""}`;
}
