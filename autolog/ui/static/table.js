/** A table of runs with what is asked of it in the address: also of one run's children. */

import { address, ask } from "./api.js";
import { change, joined, list, to } from "./address.js";
import { panel } from "./columns.js";
import { choice, h } from "./dom.js";
import { Filter } from "./filter.js";
import { Grid } from "./grid.js";
import { differing, foremost } from "./telling.js";

const SAMPLE = 40; // runs that say which columns are worth showing
const EMPTY = { params: [], metrics: [], tags: [] };

/** Write columns with the widths that somebody drew: `metrics.auc~140`. */
const written = (columns, widths) => ["name", ...columns].map((column) => `${column}${widths[column] ? `~${widths[column]}` : ""}`);

/** Read them. */
function columnsOf(text) {
  const found = list(text).map((item) => item.match(/^(.*?)(?:~(\d+))?$/s).slice(1));
  return { columns: found.map(([name]) => name).filter((name) => name !== "name"), widths: Object.fromEntries(found.filter(([, wide]) => wide).map(([name, wide]) => [name, Number(wide)])) };
}

/** The table, its filter, and what stands beside it. */
export class Table {
  constructor(scope, empty) {
    this.scope = scope; // experiment => what the list is asked for besides
    this.empty = empty;
    this.known = EMPTY;
    this.grid = new Grid({
      columns: (columns, widths) => change({ columns: joined(written(columns, widths)) }, { quietly: true }) ?? this.again(),
      order: (order) => change({ order }),
      open: (ids) => change({ open: joined(ids) }, { quietly: true }),
      chosen: (ids) => change({ chosen: joined(ids) }, { quietly: true }) ?? this.chose(ids),
      failed: (error, root) => this.told(error, root),
    });
    this.filter = new Filter(() => this.known, (filter) => change({ filter }));
    this.count = h("span.muted.count", { role: "status" });
    this.flat = h("input", { type: "checkbox", onchange: () => this.turnFlat() });
    this.curve = h("span", {});
    this.menu = panel(() => this.known, () => this.columns().columns, (columns) => this.grid.on.columns(columns, this.columns().widths));
    this.csv = h("a.button", { download: "runs.csv" }, "CSV");
    this.compare = h("a.button.main", { hidden: true }, "Compare");
    this.tools = h("div.tools", {}, this.count, scope.parent ? null : h("label.field", {}, this.flat, h("span", {}, "Children too")), this.curve, this.menu, this.csv, this.compare);
    this.nothing = h("section.empty", { hidden: true });
    this.bar = h("div.bar", {}, this.filter.element, this.tools);
    this.element = h("div.runs", {}, this.bar, this.nothing, this.grid.element);
  }

  close() {
    this.grid.close();
  }

  /** Show what the address asks for. */
  async update(state) {
    this.state = state;
    const experiments = state.getAll("experiment").flatMap(list);
    this.isFlat = !this.scope.parent && state.get("all") === "1";
    const scope = this.isFlat ? { parent: "any" } : this.scope;
    const key = joined([...experiments, String(this.isFlat)]);
    const isOther = key !== this.listed;
    if (isOther) {
      this.listed = key;
      this.count.textContent = "Looking…";
      this.experiments = experiments;
      this.sample = (await ask("/runs", { ...scope, experiment: experiments, limit: SAMPLE }).catch(() => ({ runs: [] }))).runs;
    }
    this.query = { filter: state.get("filter") ?? "", order: state.get("order") ?? "", experiment: experiments, spark: this.spark(), ...scope };
    this.filter.set(this.query.filter);
    this.drawTools();
    const chosen = list(state.get("chosen"));
    this.chose(chosen);
    await this.grid.show({ query: this.query, ...this.columns(), order: this.query.order, open: list(state.get("open")), chosen });
    if (isOther) this.learn(); // not awaited: the list is there
  }

  again() {
    return this.update(new URLSearchParams(location.hash.split("?")[1] ?? ""));
  }

  /** Ask for all names there are: of a large store that takes longer than to show its first runs. */
  async learn() {
    const { listed, experiments } = this;
    const known = await ask("/columns", { experiment: experiments }).catch(() => this.known);
    if (listed !== this.listed) return;
    this.known = known;
    this.drawTools();
  }

  /** Show that runs have changed. */
  changed() {
    this.grid.refresh();
    clearTimeout(this.naming);
    this.naming = setTimeout(() => this.learn(), 2000);
  }

  // ---- what stands beside it

  columns() {
    const text = this.state.get("columns");
    return text == null ? { columns: this.usual(), widths: {} } : columnsOf(text);
  }

  /** Give the columns of a table that nobody has chosen any for; children differ by their params above all. */
  usual() {
    const named = (prefix, names) => names.slice(0, 4).map((name) => `${prefix}.${name}`);
    const [metrics, params] = [named("metrics", foremost(this.sample)), named("params", differing(this.sample))];
    const spark = this.spark() ? ["spark"] : [];
    if (this.scope.parent) return ["status", ...params, ...metrics, ...spark, "duration", "start_time"];
    return ["status", "start_time", "duration", ...(this.isFlat ? [] : ["children", "best"]), ...metrics, ...spark, ...params];
  }

  spark() {
    return this.state.get("spark") ?? "";
  }

  /** Say what the tools stand at; they stay, and with them the focus. */
  drawTools() {
    const isFocused = this.curve.contains(document.activeElement);
    this.flat.checked = this.isFlat;
    this.curve.replaceChildren(choice("Curve", ["", ...this.known.metrics.map(({ name }) => name)], this.spark(), (spark) => this.draws(spark)));
    if (isFocused) this.curve.querySelector("select").focus();
    const columns = this.columns().columns.filter((each) => !["children", "best", "spark"].includes(each));
    this.csv.href = address("/csv", { ...this.query, spark: null, columns: ["run_id", "run_name", ...columns] });
  }

  /** Have the children stand among the others, as what the filter finds; or below their parents again. */
  turnFlat() {
    change({ all: this.isFlat ? "" : "1", open: "" });
  }

  /** Draw the curve of a metric in each line. */
  draws(spark) {
    const { columns, widths } = this.columns();
    const others = columns.filter((column) => column !== "spark");
    change({ spark, columns: joined(written(spark ? ["spark", ...others] : others, widths)) });
  }

  chose(ids) {
    this.compare.hidden = ids.length < 2;
    this.compare.textContent = `Compare ${ids.length}`;
    this.compare.setAttribute("href", to("compare", "", { ids: ids.join() }));
  }

  /** Show what the list answered. */
  told(error, root) {
    this.filter.fail(error);
    this.count.textContent = error ? "" : `${root.total.toLocaleString()} ${root.total === 1 ? "run" : "runs"}`;
    const nothing = !error && root.total === 0;
    this.nothing.hidden = !nothing;
    this.bar.hidden = nothing && !this.query.filter;
    this.grid.element.hidden = nothing;
    if (nothing) this.nothing.replaceChildren(...(this.query.filter ? [h("p", {}, "No run is found by this filter."), h("p", {}, h("button.button", { onclick: () => this.clear() }, "Clear the filter")), this.scope.parent || this.isFlat ? "" : h("p", {}, h("button.button", { onclick: () => this.turnFlat() }, "Look among children too"))] : this.empty));
  }

  clear() {
    this.filter.input.value = "";
    change({ filter: "" });
  }
}

