/** A weight's NF4 codes, piece by piece, so that no weight is in memory whole. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { CoxswainError } from "../../errors.js";
import type { ModelFolder, TensorLocation } from "../folder.js";
import { readFloatRange } from "../read-tensor.js";
import { elementCount } from "../tensor-type.js";
import { blockBytes, blocksOf, blockSize, quantizeBlocks } from "./quantize.js";

/** Number of weights quantised at a time: whole blocks. */
const pieceSize = 1 << 20;

/**
 * @param absmax filled as the stream is read, [blocks]
 * @throws CoxswainError "model" for a weight with a number that is not finite
 */
export async function* quantizedPieces(
  model: Pick<ModelFolder, "path">,
  name: string,
  location: TensorLocation,
  absmax: Float32Array,
): AsyncGenerator<Uint8Array> {
  const count = elementCount(location.shape);
  const path = join(model.path, location.file);
  const file = await open(path, "r");
  try {
    const piece = new Float32Array(Math.min(pieceSize, count));
    for (let first = 0; first < count; first += pieceSize) {
      const values = piece.subarray(0, Math.min(pieceSize, count - first));
      await readFloatRange(file, path, location, first, values);
      const start = first / blockSize;
      const blocks = blocksOf(values.length);
      const codes = new Uint8Array(blocks * blockBytes);
      requireFinite(values, name, path);
      quantizeBlocks(values, codes, absmax.subarray(start, start + blocks));
      yield codes;
    }
  } finally {
    await file.close();
  }
}

function requireFinite(values: Float32Array, name: string, path: string): void {
  for (const value of values) {
    if (!Number.isFinite(value)) {
      throw new CoxswainError("model", `${path}: ${name} contains ${value}, which cannot be quantised`, {
        hint: "The weights are damaged: fetch the model again, or omit quantization.",
      });
    }
  }
}
