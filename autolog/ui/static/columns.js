/** Which columns a table of runs has. */

import { h } from "./dom.js";
import { OWN, heading } from "./cells.js";

/** Make the panel; `known()` gives the names there are, `chosen()` the columns shown, `choose(columns)` takes others. */
export function panel(known, chosen, choose) {
  const list = h("div.options", {});
  const search = h("input", { type: "search", placeholder: "Find a column", "aria-label": "Find a column", oninput: () => fill() });
  const turn = (column) => choose(chosen().includes(column) ? chosen().filter((each) => each !== column) : [...chosen(), column]);
  const option = (column, more) => h("label.option", {}, h("input", { type: "checkbox", checked: chosen().includes(column), onchange: () => turn(column) }), h("span", {}, heading(column)), h("span.muted", {}, more));
  const group = (title, columns) => (columns.length ? h("fieldset", {}, h("legend", {}, title), columns) : null);
  const fits = (name) => name.toLowerCase().includes(search.value.toLowerCase());
  const named = (prefix, found) => found.filter(({ name }) => fits(name)).slice(0, 200).map(({ name, runs }) => option(`${prefix}.${name}`, runs));
  function fill() {
    const { params, metrics, tags } = known();
    const own = OWN.filter((column) => fits(heading(column))).map((column) => option(column, ""));
    list.replaceChildren(...[group("Run", own), group("Metrics", named("metrics", metrics)), group("Params", named("params", params)), group("Tags", named("tags", tags))].filter(Boolean));
  }
  return h("details.menu", { ontoggle: fill, onkeydown: closed }, h("summary", {}, "Columns"), h("div.panel", {}, search, list));
}

/** Shut a panel by the Escape key. */
function closed(event) {
  if (event.key !== "Escape") return;
  const menu = event.target.closest("details");
  menu.open = false;
  menu.querySelector("summary").focus();
}
