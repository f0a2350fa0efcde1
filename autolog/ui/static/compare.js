/** The page that sets runs side by side. */

import { ask } from "./api.js";
import { change, joined, list, to } from "./address.js";
import { Curves, load } from "./curves.js";
import { choice, h, nth, waiting } from "./dom.js";
import { brief, numeric, title, whole } from "./format.js";
import { heat } from "./heat.js";
import { follow } from "./live.js";
import { controls, look, zoom } from "./look.js";
import { parallel } from "./parallel.js";
import { scatter } from "./scatter.js";
import { common, differing, telling } from "./telling.js";

const DRAWN = 24; // runs whose curves are drawn
const BESIDE = 100; // runs whose values stand beside one another
const DASHES = [{ pattern: [], border: "solid" }, { pattern: [7, 4], border: "dashed" }, { pattern: [2, 3], border: "dotted" }]; // of the curves that share a colour
const VIEWS = { curves: "Curves", table: "Differences", parallel: "Parallel", scatter: "Scatter", heat: "Heat map" };

/** Show it. */
export async function show(place, _, state) {
  document.title = "Compare · autolog";
  const page = new Page(place);
  await page.update(state);
  const parent = state.get("parent");
  const close = follow({ parent }, (ids) => page.changed(ids));
  return { update: (next) => page.update(next), close: () => (close(), page.closeView()) };
}

/** Give the rows of the runs that are meant: some, or all children of one. */
async function rowsOf(state) {
  const parent = state.get("parent");
  if (!parent) return (await compared(list(state.get("ids")))).runs;
  return (await ask("/runs", { parent, order: "start_time", limit: 1000 })).runs;
}

const compared = (ids) => (ids.length ? ask("/compare", { id: ids }) : { runs: [], params: {}, differing: [], environment: {}, metrics: {} });

class Page {
  constructor(place) {
    this.heading = h("h1", {});
    this.tabs = h("nav.tabs", { "aria-label": "Views" });
    this.bar = h("div.tools.look", {});
    this.body = h("div.part", {}, waiting());
    place.replaceChildren(h("div.summary", {}, h("nav.above", { "aria-label": "Above this page" }, h("a", { href: "#/runs" }, "Runs")), this.heading), this.tabs, this.bar, this.body);
  }

  async update(state) {
    const key = `${state.get("ids")} ${state.get("parent")}`;
    if (key !== this.key) this.rows = await rowsOf(state);
    this.key = key;
    this.state = state;
    this.heading.textContent = `Compare ${this.rows.length} ${this.rows.length === 1 ? "run" : "runs"}`;
    const view = VIEWS[state.get("view")] ? state.get("view") : "curves";
    if (view !== this.view) this.closeView();
    this.view = view;
    const link = ([name, words]) => h("a", { href: to("compare", "", { ...Object.fromEntries(state), view: name }), "aria-current": name === view ? "page" : null }, words);
    this.tabs.replaceChildren(...Object.entries(VIEWS).map(link));
    if (!this.rows.length) return this.body.replaceChildren(h("p.muted", {}, "Choose runs in the table to compare them."));
    return DRAW[view](this);
  }

  changed(ids) {
    if (ids && !this.state.get("parent") && !this.rows.some(({ id }) => ids.has(id))) return null;
    this.key = null;
    return this.update(this.state).catch(() => null);
  }

  closeView() {
    this.curves?.close();
    this.curves = null;
    this.bar.replaceChildren();
    this.body.replaceChildren(waiting());
  }

  /** Give the names of the metrics, and of the params that are not the same in all. */
  get names() {
    return { metrics: telling(common(this.rows, "metrics")), params: differing(this.rows) };
  }
}

const DRAW = {
  async curves(page) {
    const { state, rows } = page;
    const { metrics } = page.names;
    const key = metrics.includes(state.get("keys")) ? state.get("keys") : await longest(rows, metrics);
    const seen = look(state);
    if (document.activeElement?.type !== "range") page.bar.replaceChildren(choice("Metric", metrics, key, (keys) => change({ keys, window: "" })), ...controls(seen));
    const having = rows.filter((row) => key in row.metrics).slice(0, DRAWN);
    if (!having.length) return page.body.replaceChildren(h("p.muted", {}, "These runs have no metric."));
    if (page.curves?.title !== key) {
      page.curves?.close();
      page.curves = new Curves(key, { zoom });
      page.body.replaceChildren(page.curves.element);
    }
    const curves = having.map((row, place) => ({ id: row.id, key, name: title(row), href: to("run", row.id), hue: nth(place), dash: DASHES[Math.floor(place / 8)] }));
    const drawn = page.curves;
    const series = await load(curves, seen);
    if (page.curves === drawn) drawn.draw(series, seen);
    page.body.replaceChildren(...[drawn.element, rows.length > DRAWN ? h("p.muted", {}, `The first ${DRAWN} runs are drawn.`) : null].filter(Boolean));
  },

  async table(page) {
    const found = await compared(page.rows.slice(0, BESIDE).map(({ id }) => id));
    const all = page.state.get("all") === "1";
    const isSame = (values) => values.every((value) => JSON.stringify(value) === JSON.stringify(values[0]));
    const group = (name, values) => {
      const lines = Object.entries(values).filter(([, each]) => all || !isSame(each));
      return lines.length ? [h("tr.group", {}, h("th", { colspan: found.runs.length + 1, scope: "colgroup" }, name)), lines.map(([key, each]) => beside(key, each))] : [];
    };
    const head = h("tr", {}, h("th", { scope: "col" }, "Run"), found.runs.map((row) => h("th", { scope: "col" }, h("a", { href: to("run", row.id) }, title(row)))));
    const lines = [group("Metrics", found.metrics), group("Params", found.params), group("Environment", found.environment)];
    page.bar.replaceChildren(h("label.field", {}, h("input", { type: "checkbox", checked: all, onchange: (event) => change({ all: event.target.checked ? "1" : "" }) }), h("span", {}, "Also what is the same")));
    page.body.replaceChildren(h("div.wide", { tabindex: "0", role: "region", "aria-label": "Differences" }, h("table.beside", {}, h("thead", {}, head), h("tbody", {}, lines))));
  },

  parallel(page) {
    const { metrics, params } = page.names;
    const all = [...params.map((name) => `params.${name}`), ...metrics.map((name) => `metrics.${name}`)];
    const usual = [...all.slice(0, Math.min(8, params.length)), ...all.slice(params.length, params.length + 1)];
    const axes = page.state.has("axes") ? list(page.state.get("axes")) : usual;
    const turn = (name) => joined(axes.includes(name) ? axes.filter((each) => each !== name) : [...axes, name]);
    const chips = all.slice(0, 60).map((name) => h("button.chip", { "aria-pressed": String(axes.includes(name)), onclick: () => change({ axes: turn(name) }) }, name));
    page.bar.replaceChildren(h("div.chips", { role: "group", "aria-label": "Axes" }, chips));
    const focused = document.activeElement?.getAttribute("data-handle");
    page.body.replaceChildren(parallel(page.rows, axes, page.state, page.body.clientWidth));
    if (focused) page.body.querySelector(`[data-handle="${CSS.escape(focused)}"]`)?.focus();
  },

  scatter(page) {
    const { metrics, params } = page.names;
    const all = [...metrics.map((name) => `metrics.${name}`), ...params.map((name) => `params.${name}`), "duration", "start_time"];
    const [x, y] = [page.state.get("x1") ?? all.find((name) => name.startsWith("params.") && numbers(page.rows, name)) ?? all[1] ?? all[0], page.state.get("y1") ?? all[0]];
    page.bar.replaceChildren(choice("Across", all, x, (x1) => change({ x1 })), choice("Up", all, y, (y1) => change({ y1 })));
    page.body.replaceChildren(scatter(page.rows, x, y));
  },

  async heat(page) {
    const { metrics, params } = page.names;
    if (params.length < 2 || !metrics.length) return page.body.replaceChildren(h("p.muted", {}, "A heat map needs two params that differ, and a metric."));
    const { state } = page;
    const [x, y, metric] = [state.get("px") ?? params[0], state.get("py") ?? params[1], state.get("metric") ?? metrics[0]];
    page.bar.replaceChildren(choice("Across", params, x, (px) => change({ px })), choice("Down", params, y, (py) => change({ py })), choice("Metric", metrics, metric, (next) => change({ metric: next })));
    const ids = page.rows.map(({ id }) => `'${id.replaceAll("'", "''")}'`).join(", ");
    const which = state.get("parent") ? { parent: state.get("parent") } : { parent: "any", filter: `run_id IN (${ids})` };
    return page.body.replaceChildren(heat(await ask("/heatmap", { ...which, x, y, metric }), { x, y, metric }));
  },
};

const beside = (key, values) => h("tr", {}, h("th", { scope: "row" }, key), values.map((value) => h("td", { class: Number.isFinite(numeric(value)) ? "number" : "", title: value == null ? null : whole(value) }, value == null ? h("span.muted", {}, "–") : brief(value))));

const numbers = (rows, name) => rows.some((row) => typeof row[name.split(".")[0]]?.[name.slice(name.indexOf(".") + 1)] === "number");

/** Give the metric that most of the runs have, of these the one with most points in the first. */
async function longest(rows, metrics) {
  if (!metrics.length) return "";
  const count = (name) => rows.filter((row) => name in row.metrics).length;
  const most = Math.max(...metrics.map(count));
  const first = rows.find((row) => metrics.some((name) => count(name) === most && name in row.metrics));
  const details = await ask(`/runs/${encodeURIComponent(first.id)}`);
  return details.metrics.filter(({ name }) => count(name) === most).sort((a, b) => b.points - a.points || metrics.indexOf(a.name) - metrics.indexOf(b.name))[0]?.name ?? metrics[0];
}
