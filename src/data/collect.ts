/**
 * Reads lines, has them tokenised in batches, several at a time, and hands on what they became in the order of the data,
 * so that nothing depends on which batch is done first.
 */
import { CoxswainError } from "../errors.js";
import type { BadExamples } from "./bad-examples.js";
import { textSize } from "./batch-cost.js";
import type { Collector } from "./collector.js";
import { goodExamples } from "./good-examples.js";
import type { LineTokeniser, ReadLine, RefusedLine, TokenisedLine, TokenisedLines } from "./tokenise/index.js";
import {
  largestRecord,
  readRecords,
  selectionOf,
  SourceCounts,
  SourceFormats,
  tooLarge,
  type DataRecord,
} from "./sources/index.js";
import type { TokenStoreOptions } from "./token-store-options.js";
import type { WarningTally } from "./warning-tally.js";

/**
 * Lines per batch. The native library's results hold memory of which the garbage collector does not know, and keeps those
 * that live for long: batches of 256 lines took 0.9 GB in two threads, these 0.6.
 */
const batchLines = 32;

/** Characters per batch, unless one line has more. */
const batchSize = 2_000_000;

/** Where a line comes from. */
type Origin = Pick<DataRecord, "where" | "source" | "isRepeated">;

interface Batch {
  /** Those that could be read. */
  readonly lines: ReadLine[];
  /** In the order of the data; the error of a line that could not be read. */
  readonly origins: (Origin & { readonly error?: unknown })[];
  size: number;
}

const emptyBatch = (): Batch => ({ lines: [], origins: [], size: 0 });

interface PendingBatch {
  readonly batch: Batch;
  readonly tokenised: Promise<TokenisedLines>;
}

export interface CollectOptions extends Pick<
  TokenStoreOptions,
  "source" | "observer" | "datasets" | "onExample" | "onProgress"
> {
  readonly format: TokenStoreOptions["data"]["format"];
  /** As of `SourceFormats`. */
  readonly formatOptions: ConstructorParameters<typeof SourceFormats>[2];
  readonly tokenise: LineTokeniser;
  /** Batches that are tokenised at the same time. */
  readonly concurrency: number;
  readonly onNote: (text: string) => void;
}

export interface Collected {
  readonly counts: SourceCounts;
  /** Lines that were not skipped, each counted once, whatever the weight of its source. */
  readonly lines: number;
}

/** Reads and tokenises everything into the collector. */
export async function collect(
  options: CollectOptions,
  { into, warnings, bad }: { readonly into: Collector; readonly warnings: WarningTally; readonly bad: BadExamples },
): Promise<Collected> {
  const { source, observer, datasets, onNote, tokenise, concurrency } = options;
  const formats = new SourceFormats(source, options.format, options.formatOptions);
  const counts = new SourceCounts(selectionOf(source));
  const pending: PendingBatch[] = [];
  let batch = emptyBatch();
  let lines = 0;

  const skip = ({ where, source: place, isRepeated = false }: Origin, error: unknown): void => {
    bad.skip(where, error, isRepeated);
    if (!isRepeated) observer?.onSkipped(place);
  };
  const add = (origin: Origin, line: TokenisedLine): void => {
    const { where, source: place, isRepeated = false } = origin;
    const { parts, contentNumber, hasEmptyAnswer } = line;
    let examples;
    try {
      examples = into.add(parts, where);
    } catch (error) {
      skip(origin, error);
      return;
    }
    options.onExample?.(contentNumber, where);
    if (!isRepeated) lines++;
    observer?.onLine({ where, source: place, contentNumber, isRepeated, hasEmptyAnswer, examples });
    counts.add(place, into.totals);
  };
  const settle = (origin: Batch["origins"][number], result: TokenisedLine | RefusedLine | undefined): void => {
    if (origin.error !== undefined) skip(origin, origin.error);
    else if (result === undefined) throw new CoxswainError("bug", `${origin.where} was not tokenised`);
    else if ("error" in result) skip(origin, result.error);
    else add(origin, result);
  };
  const settleFirst = async (): Promise<void> => {
    const first = pending.shift();
    if (first === undefined) return;
    const { results, findings } = await first.tokenised;
    warnings.add(findings);
    let next = 0;
    for (const origin of first.batch.origins) {
      settle(origin, origin.error === undefined ? results[next++] : undefined);
    }
    options.onProgress?.(into.records + bad.count);
  };
  const send = async (): Promise<void> => {
    const tokenised = tokenise(batch.lines);
    // Awaited in the order of the data: an error that comes earlier waits for its turn.
    tokenised.catch(() => undefined);
    pending.push({ batch, tokenised });
    batch = emptyBatch();
    while (pending.length >= concurrency) await settleFirst();
  };
  const read = (record: DataRecord): void => {
    const { value, where, repeatedKey, source: place, isRepeated } = record;
    const origin = { where, source: place, isRepeated };
    try {
      const size = textSize(value);
      if (size > largestRecord) throw tooLarge(where);
      batch.lines.push({ value, where, repeatedKey, format: formats.of(record).format });
      batch.size += size;
      batch.origins.push(origin);
    } catch (error) {
      batch.origins.push({ ...origin, error });
    }
  };
  const drain = async (): Promise<void> => {
    await send();
    while (pending.length > 0) await settleFirst();
  };
  const { side } = selectionOf(source);
  const onBadLine = (where: string, error: unknown, place: number): void => {
    // Both sides of a split read the line; it counts once, as one of the training data.
    if (side?.evaluation === true && bad.areSkipped && error instanceof CoxswainError) bad.passOver(error);
    else batch.origins.push({ where, source: place, error });
  };
  const onRead = (): void => options.onProgress?.(into.records + bad.count);

  const areGood = bad.areSkipped ? goodExamples(options, into) : undefined;
  const records = readRecords(source, { onBadLine, areGood, onRead, onNote, datasets });
  const next = async (): Promise<IteratorResult<DataRecord, unknown>> => {
    try {
      return await records.next();
    } catch (error) {
      // What cannot be read comes after the lines that could be: a bad example among them is reported first.
      if (error instanceof CoxswainError && error.code === "data") await drain();
      throw error;
    }
  };
  try {
    for (let record = await next(); record.done !== true; record = await next()) {
      read(record.value);
      if (batch.origins.length >= batchLines || batch.size >= batchSize) await send();
    }
  } finally {
    await records.return(undefined);
  }
  await drain();
  return { counts, lines };
}
