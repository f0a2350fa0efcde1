/** Rows in windows: only what is looked at is asked for. */

import { ask } from "./api.js";

const WINDOW = 100;
const MOST = 10; // windows above that one in which somebody was

/** The runs below one (or those below none), with the levels that are folded open in it. */
export class Level {
  constructor(query, depth = 0) {
    this.query = query;
    this.depth = depth;
    this.total = 0;
    this.windows = new Map();
    this.below = new Map(); // place of a run -> the level of its children
  }

  /** The number of lines that it takes. */
  get height() {
    let height = this.total;
    for (const level of this.below.values()) height += level.height;
    return height;
  }

  /** Give the line at a place: its row, or null while that is on its way. */
  at(line) {
    let before = 0;
    for (const [place, level] of [...this.below].sort(([a], [b]) => a - b)) {
      if (line <= place + before) break;
      const inside = line - before - place - 1;
      if (inside < level.height) return level.at(inside);
      before += level.height;
    }
    const place = line - before;
    const window = this.windows.get(Math.floor(place / WINDOW));
    return { level: this, place, depth: this.depth, row: window?.rows?.[place % WINDOW] ?? null };
  }

  /** Ask for the window around a place, unless it is there and fresh. */
  async want(place) {
    const number = Math.floor(place / WINDOW);
    const window = this.windows.get(number) ?? { rows: null, fresh: false, asked: false };
    if (window.fresh || window.asked) return false;
    this.windows.set(number, { ...window, asked: true });
    try {
      await this.load(number);
      return true;
    } catch (error) {
      this.windows.set(number, { ...window, fresh: true });
      throw error;
    }
  }

  async load(number) {
    const page = await ask("/runs", { ...this.query, offset: number * WINDOW, limit: WINDOW });
    this.total = page.total;
    this.windows.set(number, { rows: page.runs, fresh: true, asked: false });
    this.follow(number * WINDOW, page.runs);
  }

  /** Keep what is folded open with its run, wherever that now stands. */
  follow(offset, rows) {
    const places = new Map(rows.map((row, index) => [row.id, offset + index]));
    this.below = new Map([...this.below].map(([place, level]) => [places.get(level.query.parent) ?? place, level]));
  }

  /** Fold a run open, or shut. */
  turn(place, id) {
    if (this.below.has(place)) return this.below.delete(place);
    const level = new Level({ ...this.query, parent: id, filter: "" }, this.depth + 1);
    this.below.set(place, level);
    return level.want(0);
  }

  /** Fold a run open that is to be and is not. */
  async unfold(place, row, opened) {
    if (opened.has(row.id) && row.children.total && !this.below.has(place)) return this.turn(place, row.id).then(() => true);
    return false;
  }

  /** Have the rows up to a line here, with those folded open that are to be; of a very long list, those around it. */
  async lay(line, opened) {
    const last = Math.floor(Math.max(0, Math.min(line, this.total - 1)) / WINDOW);
    const first = opened.size ? Math.max(0, last - MOST) : last;
    await Promise.all(Array.from({ length: last - first + 1 }, (_, place) => this.want((first + place) * WINDOW)));
    await Promise.all([...this.rows()].map(([place, row]) => this.unfold(place, row, opened)));
    await Promise.all([...this.below.values()].map((level) => level.lay(0, opened)));
  }

  /** Give the rows that are here, with their places. */
  *rows() {
    for (const [number, { rows }] of this.windows) for (const [index, row] of (rows ?? []).entries()) yield [number * WINDOW + index, row];
  }

  /** Give the line that a run stands in, -1 where it is not here. */
  lineOf(id) {
    for (const [place, row] of this.rows()) {
      const inside = row.id === id ? -1 : (this.below.get(place)?.lineOf(id) ?? -1);
      if (row.id !== id && inside < 0) continue;
      const above = [...this.below].filter(([each]) => each < place).reduce((sum, [, level]) => sum + level.height, 0);
      return place + above + inside + 1;
    }
    return -1;
  }

  /** Forget that anything is fresh: it is shown until it has been asked for anew. */
  age() {
    for (const window of this.windows.values()) window.fresh = false;
    for (const level of this.below.values()) level.age();
  }
}
