/** The page of a run. */

import { address, ask, of } from "./api.js";
import { change, joined, list, to } from "./address.js";
import { artifacts, frame, long } from "./artifacts.js";
import { status } from "./cells.js";
import { drawn } from "./charts.js";
import { Curves, load } from "./curves.js";
import { h, nth, pairs, table } from "./dom.js";
import { brief, bytes, duration, moment, number, title, whole } from "./format.js";
import { follow } from "./live.js";
import { controls, look, zoom } from "./look.js";
import { Table } from "./table.js";

const FIRST = 12; // curves that are drawn unless others are chosen

/** Show it. */
export async function show(place, id, state) {
  const page = new Page(place, id, await ask(of(id)));
  await page.update(state);
  const close = follow({ parent: id }, (ids) => page.changed(ids));
  return { update: (next) => page.update(next), close: () => (close(), page.closeTab()), focus: () => (page.table?.grid.element ?? place).focus({ preventScroll: true }) };
}

class Page {
  constructor(place, id, found) {
    Object.assign(this, { id, found, closes: [], tab: "" });
    this.head = h("div.summary", {});
    this.tabs = h("nav.tabs", { "aria-label": "Parts of the run" });
    this.body = h("div.part", {});
    place.replaceChildren(this.head, this.tabs, this.body);
  }

  async update(state) {
    this.state = state;
    this.drawHead();
    const { row } = this.found;
    document.title = `${title(row)} · autolog`;
    const tab = PARTS[state.get("tab")] ? state.get("tab") : "overview";
    if (tab !== this.tab) this.closeTab();
    this.tab = tab;
    await PARTS[tab](this);
  }

  /** Show that the run, or its children, have changed. */
  async changed(ids) {
    if (!ids || ids.has(this.id) || this.tab !== "children") this.found = await ask(of(this.id)).catch(() => this.found);
    this.table?.changed();
    if (this.tab === "overview" || this.tab === "metrics") await this.update(this.state);
    else this.drawHead();
  }

  closeTab() {
    for (const close of this.closes.splice(0)) close();
    this.table = this.curves = null;
    this.body.replaceChildren();
  }

  put(...parts) {
    this.body.replaceChildren(...parts.flat().filter(Boolean));
  }

  drawHead() {
    const { row, path, error, notes, metrics, artifacts: files, charts, has_diagram: diagram } = this.found;
    const above = [h("a", { href: "#/runs" }, "Runs"), ...path.map((each) => h("a", { href: to("run", each.id) }, title(each)))];
    const facts = [status(row.status), row.experiment, moment(row.start), duration(row.duration), h("code", {}, row.id)].filter(Boolean);
    this.head.replaceChildren(...[
      h("nav.above", { "aria-label": "Above this run" }, above.map((link, place) => [place ? h("span.muted", { "aria-hidden": "true" }, "›") : null, link])),
      h("h1", {}, title(row)),
      h("p.facts", {}, facts.map((fact) => h("span", {}, fact))),
      error ? failure(error) : null,
      notes.length ? h("section.note", {}, h("h2", {}, "What is missing from this record"), h("ul", {}, notes.map((note) => h("li", {}, note)))) : null,
    ].filter(Boolean));
    const counts = { overview: null, metrics: metrics.length, charts: charts.length + Number(diagram), artifacts: files.length, children: row.children.total, environment: null };
    const tab = PARTS[this.state.get("tab")] ? this.state.get("tab") : "overview";
    const link = ([name, count]) => h("a", { href: to("run", this.id, { tab: name === "overview" ? "" : name }), "aria-current": name === tab ? "page" : null }, `${name[0].toUpperCase()}${name.slice(1)}`, count ? h("span.muted", {}, count.toLocaleString()) : null);
    const focused = [...this.tabs.children].indexOf(document.activeElement);
    this.tabs.replaceChildren(...Object.entries(counts).filter(([, count]) => count !== 0).map(link));
    this.tabs.children[focused]?.focus();
    const current = this.tabs.querySelector("[aria-current]");
    if (current) this.tabs.scrollLeft = current.offsetLeft - this.tabs.offsetLeft - 24; // on a narrow screen they scroll
  }
}

const failure = ({ type, message, traceback }) => h("section.failure", {}, h("h2", {}, whole(type)), h("p", {}, whole(message ?? "")), traceback ? h("details", { open: true }, h("summary", {}, "Traceback"), long("Traceback", traceback)) : null);

const PARTS = {
  overview(page) {
    const { id, found } = page;
    const values = (facts) => Object.entries(facts).map(([name, value]) => [name, whole(value)]);
    const params = Object.entries(found.params).map(([name, value]) => [name, [whole(value), earlier(found.earlier_params[name])]]);
    const link = (name) => h("a", { href: to("run", id, { tab: "metrics", keys: joined([name]) }) }, name);
    const metrics = found.metrics.map(({ name, last, min, max, points }) => [link(name), exact(last), ...(points > 1 ? [exact(min), exact(max), points.toLocaleString()] : ["", "", points])]);
    page.put(h("div.cards", {},
      metrics.length ? h("section.card", {}, h("h2", {}, "Metrics"), table("Metrics", ["Metric", "Last", "Least", "Greatest", "Points"], metrics)) : null,
      pairs("Params", params),
      found.models.map((model) => modelCard(model)),
      found.inputs.map((input, place) => pairs(found.inputs.length > 1 ? `Dataset ${place + 1}` : "Dataset", dataset(input))),
      found.signature ? pairs("Signature", signature(found.signature)) : null,
      pairs("Tags", values(found.tags)),
      found.splits.length ? h("section.card", {}, h("h2", {}, "Splits"), splits(found.splits)) : null));
    if (!page.body.firstChild.childElementCount) page.put(h("p.muted", {}, "Nothing but the run itself is recorded."));
  },

  async metrics(page) {
    const { id, found, state } = page;
    const names = found.metrics.map(({ name }) => name);
    const several = found.metrics.filter(({ points }) => points > 1).map(({ name }) => name);
    const chosen = state.has("keys") ? list(state.get("keys")).filter((name) => names.includes(name)) : several.slice(0, FIRST);
    const turned = (name) => joined(chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]);
    const chip = (name) => h("button.chip", { "aria-pressed": String(chosen.includes(name)), onclick: () => change({ keys: turned(name) }) }, name);
    if (!page.curves) {
      page.curves = new Map();
      page.bar = h("div.tools.look", {});
      page.chips = h("div.chips", { role: "group", "aria-label": "Metrics" });
      page.cards = h("div.cards.curves", {});
      page.closes.push(() => page.closing.forEach((curve) => curve.close()));
      page.closing = page.curves;
      page.single = h("section.card", {});
      page.put(page.bar, page.chips, page.cards, page.single);
    }
    page.bar.hidden = page.cards.hidden = !chosen.length;
    const single = found.metrics.filter(({ points }) => points === 1).map(({ name, last, last_step: step }) => [name, exact(last), step]);
    page.single.hidden = state.has("keys") || !single.length;
    page.single.replaceChildren(h("h2", {}, "Metrics of one point"), table("Metrics of one point", ["Metric", "Value", "Step"], single));
    const seen = look(state);
    if (!page.bar.contains(document.activeElement) || document.activeElement.type !== "range") page.bar.replaceChildren(...controls(seen));
    const focused = [...page.chips.children].indexOf(document.activeElement);
    page.chips.replaceChildren(...names.map(chip));
    page.chips.children[focused]?.focus();
    const [all, cards] = [page.curves, page.cards];
    for (const name of chosen) if (!all.has(name)) all.set(name, new Curves(name, { zoom }));
    for (const [name, curve] of all) if (!chosen.includes(name)) curve.close(), all.delete(name);
    const elements = chosen.map((name) => all.get(name).element);
    if (elements.length !== cards.children.length || elements.some((element, place) => cards.children[place] !== element)) cards.replaceChildren(...elements);
    await Promise.all(chosen.map(async (name) => all.get(name)?.draw(await load([{ id, key: name, name, hue: nth(0) }], seen), seen)));
  },

  async charts(page) {
    const { id, found } = page;
    if (page.body.firstChild) return;
    const card = async ({ name, kind, title: heading }) => h("section.card", {}, h("h2", {}, heading), await ask(of(id, "chart", name)).then(({ data }) => drawn(kind, data, heading)).catch((error) => h("p.muted", {}, `This cannot be drawn: ${error.message}`)));
    const diagram = found.has_diagram ? h("section.card.whole", {}, h("h2", {}, "Diagram"), frame(address(of(id, "diagram")), "Diagram of the estimator")) : null;
    page.put(h("div.cards", {}, ...(await Promise.all(found.charts.map(card))), diagram));
  },

  artifacts(page) {
    page.put(artifacts(page.id, page.found.artifacts, page.state.get("artifact")));
  },

  async children(page) {
    if (!page.table) {
      const of_ = page.id;
      page.table = new Table({ parent: of_, experiment: [] }, [h("p.muted", {}, "This run has no children.")]);
      const { table: children } = page;
      page.closes.push(() => children.close());
      page.put(h("p.facts", {}, h("a.button", { href: to("compare", "", { parent: of_ }) }, "Compare all children")), children.element);
    }
    await page.table.update(page.state);
  },

  environment(page) {
    const { environment, diff } = page.found;
    page.put(h("div.cards", {}, pairs("Environment", Object.entries(environment).map(([name, value]) => [name, whole(value)])), diff ? h("section.card.whole", {}, h("h2", {}, "Changes since the commit"), long("Changes since the commit", diff)) : null));
  },
};

/** Leave out the facts that say nothing. */
const telling = (facts) => Object.entries(facts).filter(([, value]) => value != null && value !== "" && (typeof value !== "object" || Object.keys(value).length));

const exact = (value) => h("span.number", { title: whole(value) }, number(value));

const earlier = (values) => (values?.length ? h("span.muted", {}, ` earlier ${values.map(whole).join(", ")}`) : null);

/** Say what a dataset was; its columns one a line. */
const dataset = (input) => telling(input).map(([name, value]) => [name, name === "columns" && Array.isArray(value) ? value.map((column) => (Array.isArray(column) ? column.map(whole).join(": ") : whole(column))).join("\n") : whole(value)]);

function signature(found) {
  const line = (column) => [column.name ?? "", column.type ?? column.dtype ?? ""].filter(Boolean).join(": ");
  return Object.entries(found).map(([side, value]) => [side, Array.isArray(value) ? value.map((each) => (typeof each === "object" ? line(each) || whole(each) : whole(each))).join(", ") : whole(value)]);
}

function splits(found) {
  const names = [...new Set(found.flatMap((split) => Object.keys(split)))];
  return table("Splits", names, found.slice(0, 500).map((split) => names.map((name) => brief(split[name]))));
}

/** Draw a model, with the line that loads it. */
function modelCard({ load: text, ...facts }) {
  const copy = h("button.button", { onclick: () => navigator.clipboard.writeText(text).then(() => (copy.textContent = "Copied")) }, "Copy");
  const say = (name, value) => (/size|bytes/.test(name) ? bytes(value) : Array.isArray(value) ? value.map(whole).join(", ") : whole(value));
  const name = whole(facts.name ?? "");
  const card = pairs(name === "model" ? "Model" : `Model ${name}`, telling(facts).map(([name, value]) => [name, say(name, value)]));
  card.querySelector("h2").after(h("div.load", {}, h("code", { tabindex: "0" }, text), copy));
  return card;
}
