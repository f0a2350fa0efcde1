/** Elements. What a store holds becomes text here, never markup. */

const SVG = "http://www.w3.org/2000/svg";

/** Make an HTML element: `h("p.note", {title: "x"}, "text", child)`. */
export const h = (kind, attributes, ...children) => filled(document.createElement(kind.split(".")[0]), kind, attributes, children);

/** Make an SVG element. */
export const s = (kind, attributes, ...children) => filled(document.createElementNS(SVG, kind.split(".")[0]), kind, attributes, children);

function filled(element, kind, attributes, children) {
  const classes = kind.split(".").slice(1);
  if (classes.length) element.classList.add(...classes);
  for (const [name, value] of Object.entries(attributes ?? {})) put(element, name, value);
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

function put(element, name, value) {
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
  else if (name in element && typeof value === "boolean") element[name] = value;
  else if (value != null && value !== false) element.setAttribute(name, value);
}

/** Make a sign that something is on its way, which shows itself where that lasts. */
export const waiting = () => h("p.muted.waiting", { role: "status" }, "Loading…");

/** Give a colour of the style sheet as a canvas takes it. */
export function colour(name) {
  const probe = h("span", { hidden: true, style: { color: `var(--${name})` } });
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** Give the colour of the nth of several curves. */
export const nth = (place) => `c${place % 8}`;

/** Make a choice of one of several names. */
export function choice(label, names, chosen, onchange) {
  const options = names.map((name) => h("option", { value: name, selected: name === chosen }, name || "none"));
  return h("label.field", {}, h("span", {}, label), h("select", { onchange: (event) => onchange(event.target.value) }, options));
}

/** Make a table of two columns. */
export function pairs(caption, entries) {
  if (!entries.length) return null;
  const line = ([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value));
  return h("section.card", {}, h("h2", {}, caption), h("div.wide", { tabindex: "0", role: "region", "aria-label": caption }, h("table.pairs", {}, h("tbody", {}, entries.map(line)))));
}

/** Make a table with a line of names above it. */
export function table(label, names, lines) {
  const head = h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, name))));
  const line = (cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell)));
  return h("div.wide", { tabindex: "0", role: "region", "aria-label": label }, h("table.lines", {}, head, h("tbody", {}, lines.map(line))));
}
