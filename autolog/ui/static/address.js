/** The page's state is its address: `#/run/ID?tab=metrics&keys=loss`. */

/** Read the address. */
export function read() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [page, ...rest] = path.split("/");
  return { page: page || "runs", id: rest.map(unescaped).join("/"), state: new URLSearchParams(query ?? "") };
}

/** Write an address; what is empty is left out. */
export function to(page, id, state = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) if (value !== "" && value != null && value !== false) query.set(name, value);
  const text = query.toString();
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}${text ? `?${text}` : ""}`;
}

/** Change some of the state; the page is told by the event that a changed address makes. Quietly, there is no way back. */
export function change(changes, { quietly = false } = {}) {
  const { page, id, state } = read();
  const next = to(page, id, { ...Object.fromEntries(state), ...changes });
  if (next === location.hash) return;
  if (!quietly) location.hash = next;
  else history.replaceState(history.state, "", next);
}

/** Change some of the state in place of what it was: there is no way back to each step of many. */
export function adjust(changes) {
  change(changes, { quietly: true });
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Remember where somebody is on a page, for when they come back to it. */
export const remember = (place) => history.replaceState({ ...history.state, ...place }, "");

/** Give what was remembered of this page. */
export const remembered = () => history.state ?? {};

/** Read a list of names, each escaped, so that a name may hold a comma. */
export const list = (text) => (text ? text.split(",").map(unescaped) : []);

function unescaped(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // somebody typed it
  }
}

/** Write a list of names. */
export const joined = (names) => names.map(encodeURIComponent).join(",");
