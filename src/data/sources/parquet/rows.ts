/**
 * Rows from the pages of a row group, one at a time: structs, lists and maps are put together from the levels of their
 * columns (Dremel).
 */
import { jsonObject } from "../../../jinja/index.js";
import type { ColumnPages, Page } from "./pages.js";
import type { LeafNode, ListNode, ParquetNode } from "./schema.js";

/** A position in a column, and the pages that its current row needs. */
class Cursor {
  readonly #pages: ColumnPages;
  readonly #isFlat: boolean;
  readonly #fullDef: number;
  /** Pages that a row needs; all but the last have been read up to their ends. */
  #loaded: Page[] = [];
  #entry = 0;
  #value = 0;
  #isLast = false;

  constructor(pages: ColumnPages, { def, rep }: LeafNode) {
    this.#pages = pages;
    this.#isFlat = rep === 0;
    this.#fullDef = def;
  }

  get #page(): Page | undefined {
    return this.#loaded[0];
  }

  /** Definition level of the current entry. */
  get def(): number {
    return this.#page?.defs?.[this.#entry] ?? this.#fullDef;
  }

  /** Repetition level of the current entry: 0 begins a row. */
  get rep(): number {
    return this.#page?.reps?.[this.#entry] ?? 0;
  }

  /** The value of the current entry; null if it has none. */
  take(): unknown {
    const page = this.#page;
    if (page === undefined) throw new RangeError("the file is damaged: a column has fewer values than rows");
    const taken = this.def === this.#fullDef ? page.value(this.#value++) : null;
    if (++this.#entry === page.entries) {
      this.#loaded.shift();
      this.#entry = 0;
      this.#value = 0;
    }
    return taken;
  }

  /** Whether the whole row is loaded. */
  isReady(): boolean {
    const page = this.#page;
    if (page === undefined) return false;
    if (this.#isFlat || this.#isLast) return true;
    const { reps } = page;
    for (let entry = this.#entry + 1; entry < page.entries; entry++) if ((reps?.[entry] ?? 0) === 0) return true;
    // The row goes on in the next page unless that begins with another one.
    return this.#loaded.slice(1).some((next) => {
      for (let entry = 0; entry < next.entries; entry++) if ((next.reps?.[entry] ?? 0) === 0) return true;
      return false;
    });
  }

  async load(): Promise<void> {
    while (!this.isReady()) {
      const page = await this.#pages.next();
      if (page === undefined) {
        this.#isLast = true;
        return;
      }
      if (page.entries > 0) this.#loaded.push(page);
    }
  }
}

/** The rows of a row group. */
export class GroupRows {
  readonly #columns: readonly ParquetNode[];
  readonly #cursors = new Map<LeafNode, Cursor>();

  constructor(columns: readonly ParquetNode[], pagesOf: (leaf: LeafNode) => ColumnPages) {
    this.#columns = columns;
    for (const leaf of columns.flatMap(({ leaves }) => leaves))
      this.#cursors.set(leaf, new Cursor(pagesOf(leaf), leaf));
  }

  /** Loads the pages that the next row needs. @returns undefined if they are loaded */
  load(): Promise<void> | undefined {
    const missing = [...this.#cursors.values()].filter((cursor) => !cursor.isReady());
    if (missing.length === 0) return undefined;
    return missing.reduce((before, cursor) => before.then(() => cursor.load()), Promise.resolve());
  }

  /** The next row, whose pages are loaded. */
  next(): Record<string, unknown> {
    return jsonObject(this.#columns.map((column) => [column.name, this.#read(column)]));
  }

  #cursor(leaf: LeafNode | undefined): Cursor {
    const cursor = leaf === undefined ? undefined : this.#cursors.get(leaf);
    if (cursor === undefined) throw new RangeError("a struct without fields");
    return cursor;
  }

  #read(node: ParquetNode): unknown {
    if (node.kind === "leaf") return this.#cursor(node).take();
    const { def } = this.#cursor(node.leaves[0]);
    if (def < node.def) return this.#skip(node, null);
    if (node.kind === "struct") return jsonObject(node.fields.map((field) => [field.name, this.#read(field)]));
    if (def < node.filledDef) return this.#skip(node, node.kind === "map" ? {} : []);
    return node.kind === "map" ? this.#map(node) : this.#list(node);
  }

  /** Where something is null or empty, each of its columns has one entry. */
  #skip<T>(node: ParquetNode, value: T): T {
    for (const leaf of node.leaves) this.#cursor(leaf).take();
    return value;
  }

  #list({ item, rep, leaves }: ListNode): unknown[] {
    const items: unknown[] = [];
    const first = this.#cursor(leaves[0]);
    do items.push(this.#read(item));
    while (first.rep === rep);
    return items;
  }

  #map(node: ListNode): Record<string, unknown> {
    const { item } = node;
    const [key, value] = item.kind === "struct" ? item.fields : [];
    if (key === undefined || value === undefined) throw new RangeError("a map without keys and values");
    const entries: [string, unknown][] = [];
    const first = this.#cursor(node.leaves[0]);
    do {
      const name = this.#read(key);
      if (typeof name !== "string") throw new RangeError("a map with keys that are not text");
      if (entries.some(([known]) => known === name))
        throw new RangeError(`a map with the key ${JSON.stringify(name)} twice`);
      entries.push([name, this.#read(value)]);
    } while (first.rep === node.rep);
    return jsonObject(entries);
  }
}
