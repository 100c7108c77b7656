/**
 * Reads examples one at a time from several sources, in a fixed order: sources as they are listed, files in the order of
 * their names, a source as often as its weight says. Does not know what the examples mean.
 */
import { CoxswainError } from "../../errors.js";
import { contentNumber } from "./content.js";
import { noColumn, renamed, withStructures } from "./columns.js";
import { DatasetVersions } from "./dataset-versions.js";
import { filesOf, type SourceFilesOptions } from "./files.js";
import { noExamples } from "./no-examples.js";
import type { DataRecord } from "./record.js";
import { namesOf, selectionOf, type DataInput, type DataSelection, type DataSource } from "./selection.js";
import { readShownFile } from "./shown-file.js";
import { CountThreshold, isShare, thresholdOfShare, type Threshold } from "./split.js";
import { passesOf, type Pass } from "./weight.js";

export interface ReadOptions extends SourceFilesOptions {
  /** Receives the error of an example that cannot be read, which is then omitted. Default: it is thrown. */
  readonly onBadLine?: ((where: string, error: unknown, source: number) => void) | undefined;
  /**
   * Which of some examples can be trained on: a number of examples is held out of these alone. Default: all.
   * @returns one answer per example
   */
  readonly areGood?: ((records: readonly DataRecord[]) => Promise<readonly boolean[]>) | undefined;
  /** Called every now and then, also while examples are read that are not given out. May throw to end the reading. */
  readonly onRead?: (() => void) | undefined;
}

/** An example of a source, and its number in it, from 0. */
interface Numbered {
  readonly record: DataRecord;
  readonly number: number;
}

const readsPerCall = 1024;

/** The examples of a source up to its limit. */
async function* examplesOf(source: DataSource, place: number, options: ReadOptions): AsyncGenerator<Numbered> {
  const { columns, limit = Infinity } = source;
  const unseen = new Set(Object.values(columns ?? {}));
  let number = 0;
  let last: unknown;
  for (const file of await filesOf(source, options)) {
    if (number >= limit) return;
    for await (const { where, parse } of readShownFile(file, source, options)) {
      if (number >= limit) return;
      if (number % readsPerCall === readsPerCall - 1) options.onRead?.();
      let record: Omit<DataRecord, "where" | "source">;
      try {
        record = parse();
        last = record.value;
        if (columns !== undefined) {
          const mapped = renamed(last, columns, where, number === 0);
          for (const column of Object.values(columns)) if (!mapped.absent.includes(column)) unseen.delete(column);
          record = { ...record, value: mapped.value };
        }
        record = { ...record, value: withStructures(file, record.value, where) };
      } catch (error) {
        if (options.onBadLine === undefined) throw error;
        options.onBadLine(where, error, place);
        continue;
      }
      yield { record: { ...record, where, source: place }, number: number++ };
    }
  }
  for (const [key, column] of Object.entries(columns ?? {}))
    if (unseen.has(column) && number > 0) throw noColumn(source.name, key, column, last);
}

/** Of a selection with a split. Reads all examples if a number of them is held out. */
async function thresholdOf(selection: DataSelection, options: ReadOptions): Promise<Threshold | undefined> {
  const { side } = selection;
  if (side === undefined) return undefined;
  const { heldOut } = side.split;
  if (isShare(heldOut)) return thresholdOfShare(heldOut);
  return side.split.threshold(() => countThreshold(heldOut, selection, quietly(options)));
}

/** The smallest examples are chosen and checked, until all that are chosen are good. */
async function countThreshold(count: number, selection: DataSelection, options: ReadOptions): Promise<Threshold> {
  const { areGood } = options;
  const good = new Set<number>();
  const bad = new Set<number>();
  for (;;) {
    const found = new CountThreshold(count);
    for await (const record of everythingOf(selection, options)) {
      const content = contentNumber(record.value);
      if (!bad.has(content)) found.add(content);
    }
    const threshold = found.finish(namesOf(selection));
    if (areGood === undefined) return threshold;
    const badBefore = bad.size;
    let batch: DataRecord[] = [];
    const check = async (): Promise<void> => {
      const answers = await areGood(batch);
      for (const [at, { value }] of batch.entries()) (answers[at] === true ? good : bad).add(contentNumber(value));
      batch = [];
    };
    for await (const record of everythingOf(selection, options)) {
      const content = contentNumber(record.value);
      if (content >= threshold || good.has(content) || bad.has(content)) continue;
      batch.push(record);
      if (batch.length >= checkedTogether) await check();
    }
    await check();
    if (bad.size === badBefore) return threshold;
  }
}

const checkedTogether = 32;

async function* everythingOf({ sources }: DataSelection, options: ReadOptions): AsyncGenerator<DataRecord> {
  for (const [place, source] of sources.entries())
    for await (const { record } of examplesOf(source, place, options)) yield record;
}

/** For examples that are read again: notes have been made. */
const quietly = (options: ReadOptions): ReadOptions => ({
  ...options,
  onNote: undefined,
  onBadLine: options.onBadLine && (() => undefined),
});

/** Evaluation uses each held out example once. */
const everyExample: readonly Pass[] = [() => true];

/**
 * All examples of a selection, in order.
 * @param input a file, a folder, a source with its keys, a list of these, or a selection
 * @throws CoxswainError "data" naming file and line if something can't be read, or if there are no examples
 */
export async function* readRecords(input: DataInput, given: ReadOptions = {}): AsyncGenerator<DataRecord> {
  // Once for all passes over a source.
  const options = { ...given, datasets: given.datasets ?? new DatasetVersions({ onNote: given.onNote }) };
  const selection = selectionOf(input);
  const { sources, seed, side } = selection;
  const threshold = await thresholdOf(selection, options);
  const isUsed = (value: unknown): boolean =>
    threshold === undefined || contentNumber(value) < threshold === side?.evaluation;
  const counts = sources.map(() => ({ read: 0, used: 0 }));
  let bad = 0;
  const { onBadLine } = options;
  const onBad =
    onBadLine === undefined
      ? undefined
      : (where: string, error: unknown, source: number): void => {
          onBadLine(where, error, source);
          bad++;
        };
  const counted: ReadOptions = { ...options, onBadLine: onBad };
  for (const [place, source] of sources.entries()) {
    const count = counts[place] ?? { read: 0, used: 0 };
    const passes = side?.evaluation === true ? everyExample : passesOf(source.weight, seed, place);
    for (const [index, takes] of passes.entries()) {
      for await (const { record, number } of examplesOf(source, place, index === 0 ? counted : quietly(options))) {
        count.read++;
        if (!takes(number) || !isUsed(record.value)) continue;
        count.used++;
        yield index === 0 ? record : { ...record, isRepeated: true };
      }
    }
  }
  // Of a file with nothing but bad examples, these are reported.
  if (bad === 0 || counts.some(({ read }) => read > 0)) reportEmpty(selection, counts, options);
}

function reportEmpty(
  selection: DataSelection,
  counts: readonly { readonly read: number; readonly used: number }[],
  { onNote }: ReadOptions,
): void {
  const { sources, side, key } = selection;
  const total = (of: "read" | "used"): number => counts.reduce((sum, count) => sum + count[of], 0);
  if (total("read") === 0) throw noExamples(selection);
  if (total("used") === 0 && side !== undefined) {
    const what = side.evaluation ? "to evaluate on" : "to train on";
    throw new CoxswainError("data", `data.eval: ${side.split.heldOut} leaves no example of ${total("read")} ${what}`, {
      hint: "Give another share, or a number of examples such as 100.",
    });
  }
  if (total("used") === 0) {
    throw new CoxswainError("data", `${namesOf(selection)}: the weights leave no example of ${total("read")}`, {
      hint: `Raise the weight of a source of ${key}.`,
    });
  }
  for (const [place, { name, weight }] of sources.entries()) {
    const { read, used } = counts[place] ?? { read: 0, used: 0 };
    if (read === 0) onNote?.(`${name} has no examples.`);
    else if (used === 0 && side === undefined) onNote?.(`${name}: weight ${weight} leaves no example of ${read}.`);
  }
}
