/** NF4 weights read into memory, and made f32 there. */
import type { ModelFolder } from "../folder.js";
import { readBytes, readTensor } from "../read-tensor.js";
import { elementCount } from "../tensor-type.js";
import { dequantizeBlocks, expandAbsmax } from "./dequantize.js";
import type { Nf4Weight } from "./store.js";

export interface PackedWeight {
  readonly shape: readonly number[];
  /** [blocks, 32] */
  readonly codes: Uint8Array;
  /** [blocks] */
  readonly absmax: Float32Array;
}

/**
 * @param folder that the weight's parts are in
 * @throws CoxswainError "model" for files that cannot be read
 */
export async function readPacked(folder: Pick<ModelFolder, "path">, weight: Nf4Weight): Promise<PackedWeight> {
  const { shape, codes, absmax, scales, offset } = weight;
  const compressed = {
    codes: await readBytes(folder, absmax),
    scales: await readTensor(folder, scales),
    offset: (await readTensor(folder, offset))[0] ?? 0,
  };
  return { shape, codes: await readBytes(folder, codes), absmax: expandAbsmax(compressed, codes.shape[0] ?? 0) };
}

/** Row-major. */
export function dequantized({ shape, codes, absmax }: PackedWeight): Float32Array {
  const values = new Float32Array(elementCount(shape));
  dequantizeBlocks(codes, absmax, values);
  return values;
}
