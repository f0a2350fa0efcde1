/** How curves are looked at: over what, on which scale, how smooth, between which ends. */

import { adjust, change } from "./address.js";
import { choice, h } from "./dom.js";

const AXES = ["step", "epoch", "time"];

/** Read it from the address. */
export function look(state) {
  const ends = (state.get("window") ?? "").split("~").map(Number);
  const window = ends.length === 2 && ends.every(Number.isFinite) ? ends : null;
  return { x: AXES.includes(state.get("x")) ? state.get("x") : "step", log: state.get("log") === "1", smooth: Math.min(0.99, Number(state.get("smooth")) || 0), window };
}

/** Look at other ends. */
export const zoom = (window) => change({ window: window ? window.map((end) => Number(end.toPrecision(15))).join("~") : "" });

/** Draw what changes it. */
export function controls({ x, log, smooth }) {
  const range = h("input", { type: "range", min: "0", max: "0.99", step: "0.01", value: smooth, oninput: (event) => change({ smooth: Number(event.target.value) || "" }, { quietly: true }), onchange: () => adjust({}) });
  return [
    choice("Over", AXES, x, (next) => change({ x: next === "step" ? "" : next, window: "" })),
    h("label.field", {}, h("input", { type: "checkbox", checked: log, onchange: (event) => change({ log: event.target.checked ? "1" : "" }) }), h("span", {}, "Log scale")),
    h("label.field", {}, h("span", {}, "Smooth"), range),
  ];
}
