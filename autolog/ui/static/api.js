/** What the server is asked. */

/** An answer that is an error: what, and at which place of which text. */
export class Refused extends Error {
  constructor({ message, position, text }) {
    super(message);
    this.position = position;
    this.text = text;
  }
}

/** Write a path below /api with a query; a list gives its name once for each item. */
export function address(path, query = {}) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    for (const each of [value].flat()) if (each != null && each !== "") search.append(name, each);
  const text = search.toString();
  return `/api${path}${text ? `?${text}` : ""}`;
}

/** Ask for a document. */
export async function ask(path, query) {
  const answer = await fetch(address(path, query)).catch(() => null);
  if (!answer) throw new Refused({ message: "The server does not answer: is `autolog ui` still running?" });
  const document = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(document.error ?? { message: `The server answered ${answer.status}.` });
  return document;
}

/** Write the path of something of a run; an artifact's name may hold slashes. */
export const of = (id, ...parts) => ["/runs", encodeURIComponent(id), ...parts.map((part) => part.split("/").map(encodeURIComponent).join("/"))].join("/");
