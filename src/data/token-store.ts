/**
 * The token store: a data set tokenised once, in a few flat arrays or files, so that millions of rows can be looked up by
 * index. Does not know epochs, batches or engines.
 */
import { createHash, type Hash } from "node:crypto";
import type { SkippedExample } from "./bad-examples.js";
import { bytesOf } from "./int32-buffer.js";
import type { Packing } from "./packing.js";
import type { Row } from "./row.js";
import type { SourceStatistics } from "./sources/index.js";

/** Conversations that became several examples, since the chat template rewrites earlier turns. */
export interface SplitConversations {
  readonly conversations: number;
  /** What they became: each example has at least one assistant turn, as it is rendered when a model is asked for it. */
  readonly examples: number;
  /** Tokens of these examples beyond the longest one of each conversation. */
  readonly extraTokens: number;
}

/** Statistics of a store. */
export interface DataStatistics {
  /** Examples: a line of the data is one, or several if it is a conversation that was split. */
  readonly examples: number;
  /** Absent if every line became one example. */
  readonly split?: SplitConversations;
  readonly rows: number;
  /** Tokens in all rows, without padding. */
  readonly tokens: number;
  /** Tokens that the loss is a sum over: supervised, and not the first of their example. */
  readonly supervisedTokens: number;
  /** Examples that were longer than `max_length` and were truncated. */
  readonly truncated: number;
  /** Dropped examples, by reason. */
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** Bad examples, which are not counted above. Absent if none was skipped. */
  readonly skipped?: SkippedExamples;
  /** What each source contributes, in order. Absent if there is one. */
  readonly sources?: readonly SourceStatistics[];
}

/** Bad examples that were skipped (`data.on_bad_example: skip`). */
export interface SkippedExamples {
  readonly count: number;
  /** The first ones, at most 100. */
  readonly first: readonly SkippedExample[];
}

/** "nothing_supervised_after_cut": truncation to `max_length` left no supervised token. */
export type DropReason = "nothing_supervised_after_cut";

export interface TokenStore {
  readonly rowCount: number;
  readonly statistics: DataStatistics;
  /** SHA-256 (hex) of all ids, labels and segments, in order: equal exactly if the data are equal. */
  readonly fingerprint: string;
  /**
   * @param index 0 .. rowCount-1
   * @throws RangeError outside that range
   */
  row(index: number): Row;
  /** Tokens of a row, without reading them. @throws RangeError */
  rowLength(index: number): number;
}

/** The tokens of all examples, one example after the other: in memory, or on disk (token-files.ts). */
export interface ExampleTokens {
  /** [examples] */
  readonly lengths: Int32Array;
  /** Ids and labels of tokens [start, start + length), each [length]. */
  read(start: number, length: number): { readonly ids: Int32Array; readonly labels: Int32Array };
  /** Adds all ids, or all labels, to a hash. */
  hash(column: "ids" | "labels", into: Hash): Promise<void>;
}

/**
 * @param ids [tokens]
 * @param labels [tokens]
 * @param lengths [examples]
 */
export function tokensInMemory(ids: Int32Array, labels: Int32Array, lengths: Int32Array): ExampleTokens {
  const columns = { ids, labels };
  return {
    lengths,
    read: (start, length) => ({
      ids: ids.subarray(start, start + length),
      labels: labels.subarray(start, start + length),
    }),
    hash: (column, into) => {
      into.update(bytesOf(columns[column]));
      return Promise.resolve();
    },
  };
}

/** First token of each example, with the total at the end, [examples + 1]. (Also beyond 2^31 tokens.) */
function exampleStarts(lengths: Int32Array): Float64Array {
  const starts = new Float64Array(lengths.length + 1);
  lengths.forEach((length, example) => (starts[example + 1] = (starts[example] ?? 0) + length));
  return starts;
}

function hashInts(array: Int32Array, into: Hash): void {
  into.update(`${array.length}\n`).update(bytesOf(array));
}

/** See `TokenStore.fingerprint`. @param packing null: one example per row */
export async function fingerprintOf(tokens: ExampleTokens, packing: Packing | null): Promise<string> {
  const hash = createHash("sha256").update("coxswain token store 1\n");
  const total = tokens.lengths.reduce((sum, length) => sum + length, 0);
  hashInts(tokens.lengths, hash);
  for (const column of ["ids", "labels"] as const) {
    hash.update(`${total}\n`);
    await tokens.hash(column, hash);
  }
  for (const part of packing === null ? [] : [packing.rowStarts, packing.members]) hashInts(part, hash);
  return hash.digest("hex");
}

export interface StoreParts {
  readonly tokens: ExampleTokens;
  /** null: one example per row. */
  readonly packing: Packing | null;
  readonly statistics: DataStatistics;
  /** By `fingerprintOf`. */
  readonly fingerprint: string;
}

export function createTokenStore({ tokens, packing, statistics, fingerprint }: StoreParts): TokenStore {
  const { lengths } = tokens;
  const starts = exampleStarts(lengths);
  const rowCount = packing === null ? lengths.length : packing.rowStarts.length - 1;
  const lengthOf = (example: number): number => lengths[example] ?? 0;
  const single = (example: number): Row => {
    const length = lengthOf(example);
    const { ids, labels } = tokens.read(starts[example] ?? 0, length);
    return { inputIds: ids, labels, segments: [length] };
  };
  const membersOf = ({ members, rowStarts }: Packing, index: number): Int32Array =>
    members.subarray(rowStarts[index], rowStarts[index + 1]);
  const requireRow = (index: number): void => {
    if (!Number.isInteger(index) || index < 0 || index >= rowCount) throw new RangeError(`row ${index} of ${rowCount}`);
  };
  const packed = (within: Packing, index: number): Row => {
    const parts = Array.from(membersOf(within, index), single);
    const segments = parts.flatMap((part) => part.segments);
    const length = segments.reduce((sum, segment) => sum + segment, 0);
    const row = { inputIds: new Int32Array(length), labels: new Int32Array(length), segments };
    let at = 0;
    for (const part of parts) {
      row.inputIds.set(part.inputIds, at);
      row.labels.set(part.labels, at);
      at += part.inputIds.length;
    }
    return row;
  };
  return {
    rowCount,
    statistics,
    fingerprint,
    row: (index) => {
      requireRow(index);
      return packing === null ? single(index) : packed(packing, index);
    },
    rowLength: (index) => {
      requireRow(index);
      if (packing === null) return lengthOf(index);
      return membersOf(packing, index).reduce((sum, example) => sum + lengthOf(example), 0);
    },
  };
}
