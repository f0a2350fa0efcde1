/** The page: shows what its address names. */

import { ask } from "./api.js";
import { read } from "./address.js";
import { h, waiting } from "./dom.js";
import * as compare from "./compare.js";
import * as run from "./run.js";
import * as runs from "./runs.js";

const PAGES = { runs, run, compare };
const place = document.getElementById("page");
let shown = null;

/** Show the address; a page that is shown already is only told of its new state. */
async function show() {
  const { page, id, state } = read();
  const module = PAGES[page] ?? runs;
  if (shown?.module === module && shown.id === id) return shown.update(state);
  const isFirst = !shown;
  shown?.close();
  shown = { module, id, close() {}, update() {}, focus: () => place.focus({ preventScroll: true }) };
  const here = shown;
  place.replaceChildren(waiting());
  window.scrollTo(0, 0);
  try {
    const opened = await module.show(place, id, state);
    if (shown !== here) return opened.close();
    Object.assign(here, opened);
    if (!isFirst && [document.body, place].includes(document.activeElement)) here.focus();
    const now = read().state;
    if (now.toString() !== state.toString()) await here.update(now); // what was asked for while it opened
  } catch (error) {
    if (shown === here) place.replaceChildren(h("section.empty", {}, h("h1", {}, "This cannot be shown"), h("p", {}, error.message), h("p", {}, h("a", { href: "#/runs" }, "All runs"))));
  }
}

ask("/store").then(({ uri }) => (document.getElementById("store").textContent = uri), () => null);
window.addEventListener("hashchange", show);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  shown?.close();
  shown = null;
  show();
});
show();
