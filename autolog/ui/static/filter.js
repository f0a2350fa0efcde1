/** The filter: a line of the filter language, its names completed, its errors shown at their place. */

import { h } from "./dom.js";
import { quoted } from "./grid.js";

const ATTRIBUTES = ["status", "run_name", "experiment", "start_time", "end_time", "duration", "run_id", "parent_run_id"];
const MOST = 12;

/** Make the field; `names()` gives what can be named, `apply(text)` is told what to look for. */
export class Filter {
  constructor(names, apply) {
    this.names = names;
    this.apply = apply;
    this.marked = -1;
    this.input = h("input", { type: "text", role: "combobox", "aria-label": "Filter", "aria-expanded": "false", "aria-controls": "names", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false",
      placeholder: "metrics.auc > 0.9 and params.model = 'rf'", oninput: () => this.complete(), onkeydown: (event) => this.key(event), onchange: () => this.apply(this.input.value.trim()), onblur: () => this.hide() });
    this.options = h("ul.names", { id: "names", role: "listbox", "aria-label": "Names", hidden: true });
    this.error = h("div.error", { role: "alert", hidden: true });
    this.element = h("div.filter", {}, this.input, this.options, this.error);
  }

  /** Show a filter that came from the address. */
  set(text) {
    if (document.activeElement !== this.input || !this.input.value || text !== this.shown) this.input.value = text;
    this.shown = text;
  }

  /** Show an error at its place, or none. */
  fail(error) {
    this.error.hidden = !error;
    this.input.setAttribute("aria-invalid", String(Boolean(error)));
    if (!error) return this.error.replaceChildren();
    const { text, position, message } = error;
    const place = position == null || text == null ? null : h("pre", {}, text.slice(0, position), h("mark", {}, text.slice(position).match(/^\s*\S+/)?.[0] ?? " "), text.slice(position).replace(/^\s*\S+/, ""));
    return this.error.replaceChildren(...[place, h("p", {}, message)].filter(Boolean));
  }

  // ---- names

  word() {
    const before = this.input.value.slice(0, this.input.selectionStart);
    return before.match(/(?:[\p{L}_][\p{L}\p{N}_]*\.)?[`"]?[\p{L}\p{N}_.\-/:@]*$/u)[0];
  }

  complete() {
    const word = this.word().toLowerCase().replace(/[`"]/, "");
    const { params, metrics, tags } = this.names();
    const all = [...metrics.map(({ name }) => `metrics.${name}`), ...params.map(({ name }) => `params.${name}`), ...tags.map(({ name }) => `tags.${name}`), ...ATTRIBUTES];
    const found = word ? all.filter((name) => name.toLowerCase().includes(word)).slice(0, MOST) : [];
    this.marked = -1;
    this.options.replaceChildren(...found.map((name, place) => h("li", { role: "option", id: `name${place}`, "aria-selected": "false", onpointerdown: (event) => this.pick(event, name) }, name)));
    this.hide(!found.length);
  }

  pick(event, name) {
    event.preventDefault();
    const { value, selectionStart: end } = this.input;
    const start = end - this.word().length;
    this.input.setRangeText(`${quoted(name)} `, start, end, "end");
    if (value[end] === " ") this.input.setRangeText("", this.input.selectionStart, this.input.selectionStart + 1, "end");
    this.hide();
  }

  hide(hidden = true) {
    this.options.hidden = hidden;
    this.input.setAttribute("aria-expanded", String(!hidden));
    if (hidden) this.input.removeAttribute("aria-activedescendant");
  }

  mark(step) {
    const options = [...this.options.children];
    this.marked = (this.marked + step + options.length) % options.length;
    options.forEach((option, place) => option.setAttribute("aria-selected", String(place === this.marked)));
    this.input.setAttribute("aria-activedescendant", `name${this.marked}`);
  }

  key(event) {
    if (event.key === "Enter" && (this.options.hidden || this.marked < 0)) {
      this.hide();
      return this.apply(this.input.value.trim());
    }
    if (this.options.hidden) return null;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      return this.mark(event.key === "ArrowDown" ? 1 : this.marked < 0 ? 0 : -1);
    }
    if (event.key === "Enter" || (event.key === "Tab" && this.marked >= 0)) return this.pick(event, this.options.children[this.marked].textContent);
    return event.key === "Escape" && this.hide();
  }
}
