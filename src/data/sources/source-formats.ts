/** The format of each source, by its first example unless the run file says it. */
import { detectFormat, exampleReader, type DataFormat, type Example, type FormatOptions } from "../formats/index.js";
import type { DataRecord } from "./record.js";
import { selectionOf, type DataInput } from "./selection.js";

export interface FormatOfSource {
  readonly format: DataFormat;
  readonly read: (value: unknown, where: string) => Example;
}

export class SourceFormats {
  readonly #known = new Map<number, FormatOfSource>();
  readonly #input: DataInput;
  readonly #format: DataFormat | "auto";
  readonly #options: FormatOptions;

  constructor(input: DataInput, format: DataFormat | "auto", options: FormatOptions) {
    this.#input = input;
    this.#format = format;
    this.#options = options;
  }

  /** @throws CoxswainError "data" if the first example of a source is of no format */
  of(record: DataRecord): FormatOfSource {
    const known = this.#known.get(record.source);
    if (known !== undefined) return known;
    const format = this.#format === "auto" ? this.#detect(record) : this.#format;
    const found = { format, read: exampleReader(format, this.#options) };
    this.#known.set(record.source, found);
    return found;
  }

  /** Keys that `columns` names decide; other columns may be named like those of another format. */
  #detect({ value, where, source }: DataRecord): DataFormat {
    const columns = selectionOf(this.#input).sources[source]?.columns;
    if (columns !== undefined && typeof value === "object" && value !== null) {
      const mapped = Object.fromEntries(Object.entries(value).filter(([key]) => Object.hasOwn(columns, key)));
      try {
        return detectFormat(mapped, where);
      } catch {
        // The format needs a key that is a column of its own name.
      }
    }
    return detectFormat(value, where);
  }
}
