/** One example as its file has it, and where it is. */

export interface DataRecord {
  /** Numbers and keys are kept as by `parseJson` (`src/jinja/`): a template sees them as written in the file. */
  readonly value: unknown;
  /**
   * "train.jsonl:7" (a line, from 1), "train.json: item 7" of a list, or "train.parquet: row group 1, row 7". Names the
   * example in errors.
   */
  readonly where: string;
  /** The place of its source in `data.train` or `data.eval`, from 0. */
  readonly source: number;
  /** Whether the weight of its source repeats it: it was read before. */
  readonly isRepeated?: boolean | undefined;
  /** The path of a key that an object has twice, such as "messages[2].role": only its last value is in `value`. */
  readonly repeatedKey?: string | undefined;
}

/** As the reader of a format of files gives it: parsed by whoever reads it, so that one bad line does not end that. */
export interface RawRecord {
  readonly where: string;
  /** @throws CoxswainError "data" that names the place */
  readonly parse: () => Pick<DataRecord, "value" | "repeatedKey">;
}
