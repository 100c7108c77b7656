/**
 * The token store: a data set tokenised once, in a few flat arrays, so that millions of rows fit in memory and can be
 * looked up by index. Does not know epochs, batches or engines.
 */
import { createHash } from "node:crypto";
import type { SkippedExample } from "./bad-examples.js";
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
}

/** Concatenated examples. */
export interface ExampleArrays {
  /** [tokens] */
  readonly ids: Int32Array;
  /** [tokens] */
  readonly labels: Int32Array;
  /** [examples] */
  readonly lengths: Int32Array;
}

/** First token of each example, with the total at the end, [examples + 1]. (Also beyond 2^31 tokens.) */
function exampleStarts(lengths: Int32Array): Float64Array {
  const starts = new Float64Array(lengths.length + 1);
  lengths.forEach((length, example) => (starts[example + 1] = (starts[example] ?? 0) + length));
  return starts;
}

function bytesOf(array: Int32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function fingerprintOf({ ids, labels, lengths }: ExampleArrays, packing: Packing | null): string {
  const hash = createHash("sha256").update("coxswain token store 1\n");
  const parts = [lengths, ids, labels, ...(packing === null ? [] : [packing.rowStarts, packing.members])];
  for (const part of parts) hash.update(`${part.length}\n`).update(bytesOf(part));
  return hash.digest("hex");
}

/** @param packing null: one example per row */
export function createTokenStore(
  arrays: ExampleArrays,
  packing: Packing | null,
  statistics: DataStatistics,
): TokenStore {
  const { ids, labels, lengths } = arrays;
  const starts = exampleStarts(lengths);
  const rowCount = packing === null ? lengths.length : packing.rowStarts.length - 1;
  const single = (example: number): Row => {
    const [start, end] = [starts[example], starts[example + 1]];
    return {
      inputIds: ids.subarray(start, end),
      labels: labels.subarray(start, end),
      segments: [lengths[example] ?? 0],
    };
  };
  const packed = ({ members, rowStarts }: Packing, index: number): Row => {
    const parts = Array.from(members.subarray(rowStarts[index], rowStarts[index + 1]), single);
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
    fingerprint: fingerprintOf(arrays, packing),
    row: (index) => {
      if (!Number.isInteger(index) || index < 0 || index >= rowCount) {
        throw new RangeError(`row ${index} of ${rowCount}`);
      }
      return packing === null ? single(index) : packed(packing, index);
    },
  };
}
