/** The files of a run: a list, and the one that is looked at. */

import { address, ask, of } from "./api.js";
import { change } from "./address.js";
import { h, table } from "./dom.js";
import { brief, bytes, whole } from "./format.js";

/** Draw them. */
export function artifacts(id, found, chosen) {
  if (!found.length) return h("p.muted", {}, "This run has no artifacts.");
  const path = chosen ?? (found.find(({ kind }) => kind !== "other") ?? found[0]).path;
  const view = h("section.card.view", {});
  const file = ({ path: name, size }) => h("li", {}, h("button.plain", { "aria-current": name === path ? "true" : null, onclick: () => change({ artifact: name }) }, name), h("span.muted", {}, bytes(size)));
  show(view, id, found.find((each) => each.path === path) ?? { path });
  return h("div.split", {}, h("ul.files", {}, found.map(file)), view);
}

async function show(view, id, { path, size, sha256 }) {
  const file = address(of(id, "artifact", path));
  const head = h("div.title", {}, h("h2", {}, path), h("a.button", { href: file, download: path.split("/").pop() }, "Download"));
  const facts = h("p.muted.facts", {}, [bytes(size), sha256 ? `sha256 ${sha256}` : ""].filter(Boolean).join(" · "));
  const content = await ask(of(id, "preview", path)).then((found) => preview(found, path)).catch((error) => h("p.muted", {}, error.message));
  view.replaceChildren(head, facts, content);
}

const SHOWN = {
  image: ({ src }, path) => h("img", { src, alt: path }),
  text: ({ text, truncated }, path) => long(path, `${text}${truncated ? "\n…" : ""}`),
  json: ({ value, text }, path) => long(path, text ?? JSON.stringify(value, null, 2)),
  table: ({ columns, rows, truncated, total }, path) => [table(path, columns.map(brief), rows.map((row) => row.map(brief))), truncated ? h("p.muted", {}, total == null ? "The beginning of a longer table." : `The beginning of ${total.toLocaleString()} rows.`) : null],
  html: ({ src }, path) => frame(src, path),
};

function preview(found, path) {
  return h("div", {}, SHOWN[found.kind]?.(found, path) ?? h("p.muted", {}, "No preview of this kind of file."));
}

/** Draw a text that scrolls. */
export const long = (name, text) => h("pre.long", { tabindex: "0", role: "region", "aria-label": name }, whole(text));

/** Show a page that a store holds: nothing in it runs. */
export const frame = (src, name) => h("iframe", { sandbox: "", src, title: name });
