/** Token ids and rotary angles of a batch, or of a feed in generation, as tensors. */
import { tensor, tensor1d, type Tensor } from "@tensorflow/tfjs-core";
import type { RotarySettings } from "../ops.js";
import type { PositionedTokens, RotaryTable } from "../batch/rotary-table.js";

export interface RotaryTensors {
  /** cos of each token's angles, for both rotated halves, [tokens, 1, rotated]. */
  readonly cos: Tensor;
  /** sin of the same, negative for the first half: with the halves swapped, x cos + swapped sin is the rotation. */
  readonly sin: Tensor;
  /** -sin: the inverse rotation. */
  readonly negativeSin: Tensor;
}

export interface Sequence {
  readonly rows: number;
  readonly length: number;
  /** int32 [tokens] */
  readonly tokenIds: Tensor;
  /** Of each token within its example, int32 [tokens]. */
  readonly positions: Tensor;
  readonly rotary: ReadonlyMap<RotarySettings, RotaryTensors>;
}

/** @param tables of the rotary settings of the model's layers */
export function sequenceTensors(tokens: PositionedTokens, tables: readonly RotaryTable[]): Sequence {
  const { rows, length, inputIds, positions } = tokens;
  const rotary = tables.map((table) => [table.settings, rotaryTensors(tokens, table)] as const);
  return {
    rows,
    length,
    tokenIds: tensor1d(inputIds.slice(), "int32"),
    positions: tensor1d(positions.slice(), "int32"),
    rotary: new Map(rotary),
  };
}

function rotaryTensors(tokens: PositionedTokens, table: RotaryTable): RotaryTensors {
  const { positions } = tokens;
  const { cos, sin, half } = table.covering(tokens);
  const perToken = (values: Float32Array, firstSign: number, secondSign: number): Tensor => {
    const out = new Float32Array(positions.length * half * 2);
    positions.forEach((position, token) => {
      for (let i = 0; i < half; i++) {
        const value = values[position * half + i] ?? 0;
        out[token * 2 * half + i] = firstSign * value;
        out[token * 2 * half + half + i] = secondSign * value;
      }
    });
    return tensor(out, [positions.length, 1, 2 * half], "float32");
  };
  return { cos: perToken(cos, 1, 1), sin: perToken(sin, -1, 1), negativeSin: perToken(sin, 1, -1) };
}
