/** A table of runs of any length: draws the lines that are in sight. */

import { h } from "./dom.js";
import { remember, remembered, to } from "./address.js";
import { cell, first, heading, isMeasured, width } from "./cells.js";
import { Level } from "./tree.js";

const LINE = 34;
const SPARE = 8; // lines above and below
let grids = 0;

/**
 * The table.
 *
 * Its `on` has `columns(names, widths)`, `order(text)`, `open(ids)`, `chosen(ids)` and `failed(error)`, each told of a change.
 */
export class Grid {
  constructor(on) {
    this.on = on;
    this.name = `grid${(grids += 1)}`;
    this.chosen = new Set(); // ids
    this.active = 0;
    this.drawn = new Map();
    this.head = h("div.head", { role: "row" });
    this.body = h("div.body", { role: "rowgroup" });
    this.element = h("div.grid", { role: "treegrid", tabindex: "0", "aria-label": "Runs", "aria-multiselectable": "true", onscroll: () => this.scrolled(), onkeydown: (event) => this.key(event) },
      h("div.heads", { role: "rowgroup" }, this.head), this.body);
    this.resizing = new ResizeObserver(() => this.soon());
    this.resizing.observe(this.element);
    for (const kind of ["click", "keydown"]) document.addEventListener(kind, this, true); // which may lead away
  }

  close() {
    this.resizing.disconnect();
    clearTimeout(this.remembering);
    for (const kind of ["click", "keydown"]) document.removeEventListener(kind, this, true);
  }

  handleEvent() {
    if (this.remembering) this.remember();
  }

  /** Show other runs, or the same in other columns. */
  async show({ query, columns, widths, order, open, chosen }) {
    Object.assign(this, { columns, widths, order, opened: new Set(open), chosen: new Set(chosen) });
    this.drawHead();
    const key = JSON.stringify(query);
    if (key !== this.asked) {
      this.asked = key;
      this.root = new Level(query);
      clearTimeout(this.remembering);
      this.remembering = null;
      await this.fetch(this.root, 0);
      await this.goBack(this.root);
    }
    this.soon();
  }

  /** Go where somebody was in it, who comes back; else to its top. */
  async goBack(root) {
    const { top = 0, line = 0, id } = remembered();
    if (top || line) await root.lay(Math.max(line, Math.ceil(top / LINE)), this.opened).catch((error) => this.on.failed(error, root));
    if (root !== this.root) return;
    const found = root.lineOf(id); // others may have come above it since
    this.active = found < 0 ? line : found;
    this.body.style.height = `${root.height * LINE}px`;
    this.element.scrollTop = top && top + (this.active - line) * LINE;
  }

  scrolled() {
    this.soon();
    clearTimeout(this.remembering);
    const { hash } = location;
    this.remembering = setTimeout(() => location.hash === hash && this.remember(), 150);
  }

  remember() {
    clearTimeout(this.remembering);
    this.remembering = null;
    remember({ top: this.element.scrollTop, line: this.active, id: this.root?.at(this.active).row?.id });
  }

  /** Ask anew for what is in sight. */
  refresh() {
    this.root?.age();
    this.soon();
  }

  async fetch(level, place) {
    try {
      if (!(await level.want(place))) return;
      this.soon();
      this.on.failed(null, this.root);
    } catch (error) {
      this.on.failed(error, this.root);
    }
  }

  soon() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      if (this.root) this.draw();
    });
  }

  // ---- lines

  draw() {
    const height = this.root.height;
    this.element.setAttribute("aria-rowcount", height + 1);
    this.body.style.height = `${height * LINE}px`;
    const from = Math.max(0, Math.floor(this.element.scrollTop / LINE) - SPARE);
    const until = Math.min(height, Math.ceil((this.element.scrollTop + this.element.clientHeight) / LINE) + SPARE);
    const before = this.drawn;
    this.drawn = new Map();
    for (let line = from; line < until; line += 1) this.line(line, before);
    const kept = new Set([...this.drawn.values()].map(({ element }) => element));
    for (const { element } of before.values()) if (!kept.has(element)) element.remove();
    if (!height && this.root.windows.get(0)?.fresh === false) this.fetch(this.root, 0);
    this.point();
  }

  /** Draw a line, unless it stands there as it is. */
  line(line, before) {
    const found = this.root.at(line);
    this.fetch(found.level, found.place);
    if (found.row) this.unfold(found);
    const mark = JSON.stringify([line, found.depth, found.row, this.look(found), this.columns]);
    const old = before.get(line);
    if (old?.mark === mark) return this.drawn.set(line, old);
    const element = this.make(line, found);
    this.body.append(element);
    return this.drawn.set(line, { element, mark });
  }

  /** Fold open what the address says is open, once its row is here. */
  unfold({ level, place, row }) {
    level.unfold(place, row, this.opened).then((isNew) => isNew && this.soon(), (error) => this.on.failed(error, this.root));
  }

  look({ level, place, row }) {
    return { isOpen: level.below.has(place), isChosen: row != null && this.chosen.has(row.id) };
  }

  make(line, found) {
    const { row, depth } = found;
    const style = { top: `${line * LINE}px`, "grid-template-columns": this.template() };
    const attributes = { role: "row", id: `${this.name}-${line}`, "aria-rowindex": line + 2, "aria-level": depth + 1, style };
    if (!row) return h("div.row", attributes, h("div.cell.muted", { role: "gridcell" }, "…"));
    const { isOpen, isChosen } = this.look(found);
    const acts = { isOpen, isChosen, fold: () => this.fold(line), choose: (event) => this.choose(line, event.shiftKey) };
    const more = { "aria-selected": String(isChosen), "aria-expanded": row.children.total ? String(isOpen) : null, "data-id": row.id, onclick: () => (this.move(line, false), this.remember()) };
    return h("div.row", { ...attributes, ...more }, first(row, depth, acts), this.columns.map((column) => cell(row, column)));
  }

  template() {
    return ["name", ...this.columns].map((column) => `${this.widths[column] ?? width(column)}px`).join(" ");
  }

  // ---- what a person does to them

  fold(line) {
    const { level, place, row } = this.root.at(line);
    if (!row?.children.total) return;
    if (!this.opened.delete(row.id)) this.opened.add(row.id);
    Promise.resolve(level.turn(place, row.id)).then(() => this.soon(), (error) => this.on.failed(error, this.root));
    this.on.open([...this.opened]);
  }

  /** Choose a run to compare, or all from the last one to it. */
  choose(line, all) {
    const isChosen = !this.chosen.has(this.root.at(line).row?.id);
    const [from, until] = all ? [this.active, line].sort((a, b) => a - b) : [line, line];
    for (let each = from; each <= until; each += 1) {
      const { row } = this.root.at(each);
      if (row && isChosen) this.chosen.add(row.id);
      else if (row) this.chosen.delete(row.id);
    }
    this.on.chosen([...this.chosen]);
    this.move(line, false);
  }

  /** Make another line the active one. */
  move(line, scrolls = true) {
    this.active = Math.max(0, Math.min(line, this.root.height - 1));
    const { scrollTop, clientHeight } = this.element;
    const top = this.active * LINE;
    if (scrolls && top < scrollTop) this.element.scrollTop = top;
    if (scrolls && top + 2 * LINE > scrollTop + clientHeight) this.element.scrollTop = top + 2 * LINE - clientHeight;
    this.scrolled();
  }

  point() {
    const active = this.drawn.get(this.active)?.element;
    for (const { element } of this.drawn.values()) element.classList.toggle("active", element === active);
    if (active) this.element.setAttribute("aria-activedescendant", active.id);
    else this.element.removeAttribute("aria-activedescendant");
  }

  key(event) {
    if (event.target !== this.element) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / LINE) - 2);
    const found = this.root?.at(this.active);
    const isOpen = found && this.look(found).isOpen;
    const acts = {
      ArrowDown: () => this.move(this.active + 1),
      ArrowUp: () => this.move(this.active - 1),
      PageDown: () => this.move(this.active + page),
      PageUp: () => this.move(this.active - page),
      Home: () => this.move(0),
      End: () => this.move(this.root.height - 1),
      ArrowRight: () => isOpen || this.fold(this.active),
      ArrowLeft: () => isOpen && this.fold(this.active),
      Enter: () => found?.row && (this.remember(), (location.hash = to("run", found.row.id))),
      " ": () => this.choose(this.active, event.shiftKey),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  // ---- the heads of its columns

  drawHead() {
    this.head.style.gridTemplateColumns = this.template();
    const total = ["name", ...this.columns].reduce((sum, column) => sum + (this.widths[column] ?? width(column)), 0);
    this.head.style.width = this.body.style.width = `max(100%, ${total}px)`;
    const focused = document.activeElement?.closest?.("[data-column]")?.dataset.column;
    this.head.replaceChildren(this.headOf("name", "run_name"), ...this.columns.map((column) => this.headOf(column, column)));
    if (focused) this.head.querySelector(`[data-column="${CSS.escape(focused)}"] button`)?.focus();
  }

  headOf(column, sorted) {
    const direction = this.order === quoted(sorted) ? "ascending" : this.order === `${quoted(sorted)} DESC` ? "descending" : null;
    const arrow = { ascending: " ↑", descending: " ↓" }[direction] ?? "";
    const sorts = !["children", "best", "spark"].includes(column);
    const hint = column === "name" ? "Sort" : `${column} – ${sorts ? "click sorts; " : ""}drag, or Alt and an arrow, moves; Shift and an arrow resizes`;
    const button = h("button", { title: hint, onclick: () => sorts && this.sort(sorted, direction), onkeydown: (event) => this.headKey(event, column) }, (column === "name" ? "Run" : heading(column)) + arrow);
    const edge = h("span.edge", { "aria-hidden": "true", onpointerdown: (event) => this.resize(event, column) });
    return h(isMeasured(column) ? "div.cell.number" : "div.cell", { role: "columnheader", "aria-sort": direction, "data-column": column, draggable: column === "name" ? null : "true", ...this.drags(column) }, button, edge);
  }

  sort(column, direction) {
    const next = { null: `${quoted(column)} DESC`, descending: quoted(column), ascending: "" }[direction];
    this.on.order(next);
  }

  drags(column) {
    return {
      ondragstart: (event) => event.dataTransfer.setData("text/plain", column),
      ondragover: (event) => event.preventDefault(),
      ondrop: (event) => {
        event.preventDefault();
        this.put(event.dataTransfer.getData("text/plain"), this.columns.indexOf(column));
      },
    };
  }

  put(column, place) {
    const rest = this.columns.filter((each) => each !== column);
    if (rest.length === this.columns.length || place > rest.length) return;
    rest.splice(Math.max(0, place), 0, column);
    this.on.columns(rest, this.widths);
  }

  headKey(event, column) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !(event.altKey || event.shiftKey)) return;
    event.preventDefault();
    if (event.shiftKey) this.widen(column, (this.widths[column] ?? width(column)) + 16 * step);
    else if (column !== "name") this.put(column, this.columns.indexOf(column) + step);
  }

  widen(column, pixels) {
    this.on.columns(this.columns, { ...this.widths, [column]: Math.max(48, Math.round(pixels)) });
  }

  resize(event, column) {
    event.preventDefault();
    const [start, before] = [event.clientX, this.widths[column] ?? width(column)];
    const edge = event.target;
    edge.setPointerCapture(event.pointerId);
    const at = (moved) => before + moved.clientX - start;
    edge.onpointermove = (moved) => {
      this.widths = { ...this.widths, [column]: Math.max(48, at(moved)) };
      this.head.style.gridTemplateColumns = this.template();
      for (const { element } of this.drawn.values()) element.style.gridTemplateColumns = this.template();
    };
    edge.onpointerup = (moved) => this.widen(column, at(moved));
  }
}

/** Write a column as the filter language has it. */
export function quoted(column) {
  const dot = column.indexOf(".");
  const key = column.slice(dot + 1);
  return dot < 0 || /^[\p{L}\p{N}_.\-/:@]+$/u.test(key) ? column : `${column.slice(0, dot)}.\`${key.replaceAll("`", "``")}\``;
}
