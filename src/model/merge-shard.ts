/** Writes a merged weight file, a few MiB of a tensor at a time. Independent of folders and their other files. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { CoxswainError } from "../errors.js";
import { readInto } from "./files.js";
import type { ModelFolder, TensorLocation, TensorType } from "./folder.js";
import { addDelta, floatsToBytes, type LoraPair } from "./merge-math.js";
import type { RoundingTally } from "./merge-rounding.js";
import { isFloatType, readFloatRange, type FloatType } from "./read-tensor.js";
import { readSafetensorsHeader } from "./safetensors.js";
import { writeSafetensors, type TensorSource } from "./safetensors-write.js";
import { bytesPerElement, elementCount } from "./tensor-type.js";

/** Elements of a weight merged at a time. */
const blockElements = 1 << 20;

/**
 * Writes one weight file of `model` to `to`, with `pairs` added and floats turned into `target`.
 * @param pairs by the name of the weight that they change
 * @param target undefined: keeps each tensor's type
 * @param rounding receives every merged block
 * @returns bytes of the tensors written
 */
export async function writeMergedShard(
  model: ModelFolder,
  shard: string,
  to: string,
  pairs: ReadonlyMap<string, LoraPair>,
  target: FloatType | undefined,
  rounding: RoundingTally,
): Promise<number> {
  const { metadata } = await readSafetensorsHeader(join(model.path, shard));
  const sources: TensorSource[] = [];
  for (const [name, location] of model.tensors) {
    if (location.file !== shard) continue;
    const dtype: TensorType = target !== undefined && isFloatType(location.dtype) ? target : location.dtype;
    const pair = pairs.get(name);
    const data = (): AsyncIterable<Uint8Array> =>
      pair === undefined && dtype === location.dtype
        ? rawBytes(model, location)
        : convertedBytes(model, name, location, dtype, pair, rounding);
    sources.push({ name, dtype, shape: location.shape, data });
  }
  await writeSafetensors(to, sources, metadata);
  return sources.reduce((sum, { dtype, shape }) => sum + elementCount(shape) * bytesPerElement(dtype), 0);
}

/** A tensor's unchanged bytes. Each piece is overwritten by the next. */
async function* rawBytes(model: ModelFolder, location: TensorLocation): AsyncGenerator<Uint8Array, void, undefined> {
  const path = join(model.path, location.file);
  const file = await open(path, "r");
  try {
    const buffer = new Uint8Array(Math.min(blockElements * 4, location.byteLength));
    for (let done = 0; done < location.byteLength; done += buffer.length) {
      const piece = buffer.subarray(0, Math.min(buffer.length, location.byteLength - done));
      await readInto(file, location.byteOffset + done, piece, path);
      yield piece;
    }
  } finally {
    await file.close();
  }
}

/** A float tensor's bytes in another type, with its LoRA pair added. Each piece is overwritten by the next. */
async function* convertedBytes(
  model: ModelFolder,
  name: string,
  location: TensorLocation,
  dtype: TensorType,
  pair: LoraPair | undefined,
  rounding: RoundingTally,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!isFloatType(dtype)) {
    throw new CoxswainError("model", `${model.path}: ${name} is ${dtype}: only float weights can be merged`, {
      hint: "Merge into the unquantised model.",
    });
  }
  const path = join(model.path, location.file);
  const elements = elementCount(location.shape);
  // Whole rows, since a row of B belongs to a row of W. A vector is one row.
  const rowLength = location.shape.length === 2 ? (location.shape[1] ?? 1) : elements;
  const rowsAtOnce = Math.max(1, Math.floor(blockElements / Math.max(1, rowLength)));
  const values = new Float32Array(Math.min(elements, rowsAtOnce * rowLength));
  const file = await open(path, "r");
  try {
    for (let first = 0; first < elements; first += values.length) {
      const block = values.subarray(0, Math.min(values.length, elements - first));
      await readFloatRange(file, path, location, first, block);
      if (pair !== undefined) {
        const before = dtype === "F32" ? block : block.slice();
        addDelta(block, first / rowLength, rowLength, pair);
        rounding.add(before, block, dtype);
      }
      yield floatsToBytes(block, dtype, name);
    }
  } finally {
    await file.close();
  }
}
