/** Values as text. */

/** Write a number briefly: four digits that say something. */
export function number(value) {
  if (typeof value !== "number") return value == null ? "" : String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e6 ? String(Number(value.toPrecision(5))) : value.toExponential(3).replace("e+", "e");
}

/** Write a number on an axis whose marks are a step apart, so that no two read alike. */
export function stepped(value, step) {
  const size = Math.abs(value);
  const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const more = Number(Math.abs(step * 10 ** places - Math.round(step * 10 ** places)) > 1e-6); // steps of 0.25
  if (size < 1e7 && places + more <= 6) return value.toFixed(places + more);
  return value ? value.toExponential(Math.min(12, Math.max(0, Math.ceil(Math.log10(size / step) - 1e-9) + more))).replace("e+", "e") : "0";
}

/** Write a value as it is. */
export function whole(value) {
  if (value == null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return String(value);
  if ("text" in value && "type" in value) return value.text;
  if (Array.isArray(value)) return `[${value.map(inner).join(", ")}]`;
  return `{${Object.entries(value).map(([name, each]) => `${inner(name)}: ${inner(each)}`).join(", ")}}`;
}

const inner = (value) => (typeof value === "string" ? JSON.stringify(value) : whole(value));

/** Write a value for a cell. */
export const brief = (value) => (value === undefined ? "" : typeof value === "number" ? number(value) : whole(value));

/** Give the number that a value is, NaN where it is none. */
export function numeric(value) {
  if (typeof value === "number") return value;
  return typeof value === "string" && /^-?(Infinity|NaN)$/.test(value) ? Number(value) : NaN;
}

/** Write seconds as a person says them. */
export function duration(seconds) {
  if (seconds == null) return "";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Write a time; an engine other than ours may have written one that no calendar has. */
export function moment(seconds) {
  const time = new Date(seconds * 1000);
  return seconds == null || Number.isNaN(time.getTime()) ? "" : MOMENT.format(time);
}

/** Write a number of bytes. */
export function bytes(size) {
  if (typeof size !== "number") return "";
  const unit = size < 1e3 ? 0 : Math.min(4, Math.floor(Math.log10(size) / 3));
  return `${number(Number((size / 1000 ** unit).toPrecision(3)))} ${["B", "kB", "MB", "GB", "TB"][unit]}`;
}

/** Name a run. */
export const title = (row) => row.name || row.id.slice(0, 8);
