/**
 * Packs several examples per row, by best-fit decreasing (TRL's `packing_strategy="bfd"`): the longest example first,
 * each into the row with the least space that still fits it. Examples are never split. Within 22 % of the minimum
 * number of rows (Johnson 1973); in practice rows are nearly full. Pure: knows only lengths.
 */

export interface Packing {
  /** Example indices, row by row, [examples]. */
  readonly members: Int32Array;
  /** Start of each row in `members`, followed by the length of `members`, [rows + 1]. */
  readonly rowStarts: Int32Array;
}

/** The free spaces of open rows, 1 .. capacity: a tree of counts, to find the smallest that is large enough. */
class Spaces {
  readonly #leaves: number;
  /** Heap order: node n has children 2n and 2n + 1; the number of spaces present below it. */
  readonly #counts: Int32Array;

  constructor(capacity: number) {
    this.#leaves = 2 ** Math.ceil(Math.log2(capacity + 1));
    this.#counts = new Int32Array(this.#leaves * 2);
  }

  /** @param change 1 adds the space, -1 removes it */
  change(space: number, change: 1 | -1): void {
    for (let node = this.#leaves + space; node >= 1; node >>= 1) this.#counts[node] = this.#count(node) + change;
  }

  /** The smallest space present that is at least `wanted`, or -1. */
  least(wanted: number): number {
    let node = this.#leaves + wanted;
    if (this.#count(node) === 0) {
      // Up to the first non-empty subtree on the right …
      while (node > 1 && (node % 2 === 1 || this.#count(node + 1) === 0)) node >>= 1;
      if (node <= 1) return -1;
      node++;
    }
    // … and down its left-most path.
    while (node < this.#leaves) node = this.#count(node * 2) > 0 ? node * 2 : node * 2 + 1;
    return node - this.#leaves;
  }

  #count(node: number): number {
    return this.#counts[node] ?? 0;
  }
}

/** Examples by decreasing length, stable: a counting sort. */
function longestFirst(lengths: Int32Array, capacity: number): Int32Array {
  const next = new Int32Array(capacity + 1);
  for (const length of lengths) next[length] = (next[length] ?? 0) + 1;
  let at = 0;
  for (let length = capacity; length >= 0; length--) {
    const count = next[length] ?? 0;
    next[length] = at;
    at += count;
  }
  const order = new Int32Array(lengths.length);
  lengths.forEach((length, example) => {
    const place = next[length] ?? 0;
    order[place] = example;
    next[length] = place + 1;
  });
  return order;
}

/** The row of each example, in the order in which rows are opened. Rows of equal space are filled oldest first. */
function assignRows(lengths: Int32Array, capacity: number): Int32Array {
  const order = longestFirst(lengths, capacity);
  const rowOf = new Int32Array(lengths.length);
  const spaces = new Spaces(capacity);
  const queues = new Map<number, { rows: number[]; taken: number }>();
  let rows = 0;
  for (const example of order) {
    const length = lengths[example] ?? 0;
    const space = spaces.least(length);
    const queue = queues.get(space);
    const row = queue?.rows[queue.taken++] ?? rows++;
    if (queue !== undefined && queue.taken === queue.rows.length) {
      spaces.change(space, -1);
      queues.delete(space);
    }
    rowOf[example] = row;
    const left = (queue === undefined ? capacity : space) - length;
    if (left === 0) continue;
    const open = queues.get(left);
    if (open === undefined) {
      queues.set(left, { rows: [row], taken: 0 });
      spaces.change(left, 1);
    } else {
      open.rows.push(row);
    }
  }
  return rowOf;
}

/**
 * Packs examples into rows. A function of the lengths alone. Rows are ordered by their first example, and the examples
 * within a row by index: as close to the file's order as packing allows.
 * @param lengths tokens of each example, 1 .. capacity
 * @param capacity maximum tokens per row
 */
export function packExamples(lengths: Int32Array, capacity: number): Packing {
  const rowOf = assignRows(lengths, capacity);
  const numbers = new Map<number, number>();
  const sizes: number[] = [];
  rowOf.forEach((opened, example) => {
    const row = numbers.get(opened) ?? numbers.size;
    numbers.set(opened, row);
    rowOf[example] = row;
    sizes[row] = (sizes[row] ?? 0) + 1;
  });
  const rowStarts = new Int32Array(sizes.length + 1);
  sizes.forEach((size, row) => (rowStarts[row + 1] = (rowStarts[row] ?? 0) + size));
  const next = rowStarts.slice();
  const members = new Int32Array(lengths.length);
  rowOf.forEach((row, example) => {
    const at = next[row] ?? 0;
    members[at] = example;
    next[row] = at + 1;
  });
  return { members, rowStarts };
}
