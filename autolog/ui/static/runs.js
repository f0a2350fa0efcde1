/** The page of all runs. */

import { ask } from "./api.js";
import { change, joined, list } from "./address.js";
import { h } from "./dom.js";
import { follow } from "./live.js";
import { Table } from "./table.js";

const FIRST = "import autolog\nautolog.enable()";

/** Show it. */
export async function show(place, _, state) {
  document.title = "Runs · autolog";
  const empty = [h("h1", {}, "No runs yet"), h("p", {}, "They appear here while they train, once a program says:"), h("pre", {}, FIRST)];
  const table = new Table({}, empty);
  const experiments = h("nav.chips", { "aria-label": "Experiments" });
  place.replaceChildren(h("h1.hidden", {}, "Runs"), experiments, table.element);
  const drawExperiments = async () => drawn(experiments, await ask("/store"));
  await Promise.all([table.update(state), drawExperiments()]);
  const close = follow({}, () => {
    table.changed();
    drawExperiments().catch(() => null);
  });
  return {
    update: (next) => Promise.all([table.update(next), drawExperiments()]),
    close: () => (close(), table.close()),
    focus: () => table.grid.element.focus({ preventScroll: true }),
  };
}

/** Draw the experiments, each a switch; none switched on are all. */
function drawn(place, { experiments }) {
  const chosen = list(new URLSearchParams(location.hash.split("?")[1] ?? "").get("experiment"));
  const turned = (name) => joined(chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]);
  const chip = (name, runs, isOn, experiment) => h("button.chip", { "aria-pressed": String(isOn), onclick: () => change({ experiment, open: "" }) }, name, h("span.muted", {}, runs.toLocaleString()));
  const all = experiments.reduce((sum, { runs }) => sum + runs, 0);
  const chips = experiments.map(({ name, runs }) => chip(name, runs, chosen.includes(name), turned(name)));
  const focused = [...place.children].indexOf(document.activeElement);
  place.replaceChildren(...(experiments.length > 1 ? [chip("All experiments", all, !chosen.length, ""), ...chips] : []));
  place.children[focused]?.focus();
}
