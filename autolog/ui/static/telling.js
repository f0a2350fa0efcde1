/** Of many names, those that tell most come first. */

const SAYS = /score|auc|acc|loss|f1|r2|mse|mae|error|precision|recall/i;
const ASIDE = /std_|split|rank|n_iter|seed|random_state/i;

const TIMES = /time/i;

const weight = (name) => (TIMES.test(name) ? 3 : Number(ASIDE.test(name)) * 2 - Number(SAYS.test(name)));

/** Sort the names of metrics. */
export const telling = (names) => [...names].sort((a, b) => weight(a) - weight(b) || a.length - b.length || a.localeCompare(b));

/** Give the names of metrics that say most of rows: of those that a fair share of the rows have, none that stands aside. */
export function foremost(rows) {
  const count = (name) => rows.filter((row) => name in row.metrics).length;
  const all = telling(common(rows, "metrics"));
  const most = Math.max(0, ...all.map(count));
  const frequent = all.filter((name) => 4 * count(name) >= most);
  const found = frequent.filter((name) => weight(name) < 1);
  return found.length ? found : frequent;
}

/** Give the names that rows have values under, the most common first. */
export function common(rows, group) {
  const counts = new Map();
  for (const row of rows) for (const name of Object.keys(row[group])) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
}

/** Give the params that are not the same in all rows. */
export const differing = (rows) => common(rows, "params").filter((name) => new Set(rows.map((row) => JSON.stringify(row.params[name]))).size > 1);
