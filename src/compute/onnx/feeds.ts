/** A batch as the graphs' inputs. */
import type { Batch } from "../../data/row.js";
import { attentionBlocks, type LossChunks } from "../batch/chunks.js";
import type { PositionedTokens, RotaryTable } from "../batch/rotary-table.js";
import { rotaryName } from "./graph-inputs.js";
import type { Feeds, TensorClass } from "./session.js";

/** Token ids, positions and rotary tables. */
export function sequenceFeeds(TensorOf: TensorClass, tokens: PositionedTokens, tables: readonly RotaryTable[]): Feeds {
  const { rows, length, inputIds, positions } = tokens;
  const feeds: Feeds = {
    token_ids: new TensorOf("int32", inputIds, [rows, length]),
    positions: new TensorOf("int64", BigInt64Array.from(positions, BigInt), [rows, length]),
  };
  tables.forEach((table, index) => {
    const { positions: known, cos, sin, half } = table.covering(tokens);
    feeds[rotaryName("cos", index)] = new TensorOf("float32", cos, [known, half]);
    feeds[rotaryName("sin", index)] = new TensorOf("float32", sin, [known, half]);
  });
  return feeds;
}

export function batchFeeds(
  TensorOf: TensorClass,
  batch: Batch,
  loss: LossChunks,
  tables: readonly RotaryTable[],
  gradients: boolean,
): Feeds {
  const { chunks, chunk } = loss;
  const feeds = {
    ...sequenceFeeds(TensorOf, batch, tables),
    segments: new TensorOf("int32", batch.segments, [batch.rows, batch.length]),
    attention_blocks: new TensorOf("int64", BigInt64Array.of(BigInt(attentionBlocks(batch.length))), []),
    loss_tokens: new TensorOf("int32", loss.tokens, [chunks, chunk]),
    loss_targets: new TensorOf("int32", loss.targets, [chunks, chunk, 1]),
    loss_weights: new TensorOf("float32", loss.weights, [chunks, chunk, 1]),
  };
  return gradients ? { ...feeds, loss_places: new TensorOf("int32", loss.places, [loss.places.length]) } : feeds;
}
