/** Reads tensors from safetensors files as f32. */
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { CoxswainError } from "../errors.js";
import { storageTrouble } from "../storage/index.js";
import type { ModelFolder, TensorLocation, TensorType } from "./folder.js";
import { readFully, readInto } from "./files.js";
import { bfloat16ToFloat32, float16ToFloat32 } from "./float-convert.js";
import { bytesPerElement } from "./tensor-type.js";

/** Elements converted at a time: the 16-bit buffer stays small compared with the result. */
const blockElements = 1 << 20;

/** Types that are read as f32 without loss. */
export type FloatType = "F32" | "F16" | "BF16";

/** Whether a type is one of the supported float types. */
export const isFloatType = (type: TensorType): type is FloatType => type === "F32" || type === "F16" || type === "BF16";

/**
 * The values of a tensor of `folder`, row-major, as f32 (f16 and bf16 are widened exactly).
 * @throws CoxswainError "model" for another element type, or a file that cannot be read
 */
export async function readTensor(folder: Pick<ModelFolder, "path">, location: TensorLocation): Promise<Float32Array> {
  return readFloats(join(folder.path, location.file), location);
}

/** The bytes of a tensor, as stored in the file. */
export async function readBytes(
  folder: Pick<ModelFolder, "path">,
  { file, byteOffset, byteLength }: TensorLocation,
): Promise<Uint8Array<ArrayBuffer>> {
  const path = join(folder.path, file);
  try {
    const handle = await open(path, "r");
    try {
      return await readFully(handle, byteOffset, byteLength, path);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw storageTrouble(error, path, "model");
  }
}

/** As `readTensor`, for a tensor of the file at `path`. */
export async function readFloats(path: string, entry: Omit<TensorLocation, "file">): Promise<Float32Array> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    throw storageTrouble(error, path, "model");
  }
  try {
    const out = new Float32Array(entry.byteLength / bytesPerElement(entry.dtype));
    await readFloatRange(file, path, entry, 0, out);
    return out;
  } finally {
    await file.close();
  }
}

/**
 * Reads `out.length` elements of a tensor, from element `first`, out of an open file, as f32.
 * @throws CoxswainError "model" for an element type other than F32, F16, BF16, or a file that ends early
 */
export async function readFloatRange(
  file: FileHandle,
  path: string,
  entry: Omit<TensorLocation, "file">,
  first: number,
  out: Float32Array,
): Promise<void> {
  const { dtype } = entry;
  if (!isFloatType(dtype)) {
    throw new CoxswainError("model", `${path}: a tensor of type ${dtype} cannot be read as f32`, {
      hint: "Weights must be float32, float16 or bfloat16.",
    });
  }
  const start = entry.byteOffset + first * bytesPerElement(dtype);
  if (dtype === "F32") {
    await readInto(file, start, new Uint8Array(out.buffer, out.byteOffset, out.byteLength), path);
    return;
  }
  const widen = dtype === "BF16" ? bfloat16ToFloat32 : float16ToFloat32;
  const bits = new Uint16Array(Math.min(blockElements, out.length));
  for (let done = 0; done < out.length; done += blockElements) {
    const block = bits.subarray(0, Math.min(blockElements, out.length - done));
    await readInto(file, start + done * 2, new Uint8Array(block.buffer, 0, block.byteLength), path);
    widen(block, out.subarray(done, done + block.length));
  }
}
