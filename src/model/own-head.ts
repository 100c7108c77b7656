/**
 * Whether a model's files have an output head of their own. `tie_word_embeddings` says that the head is the embedding,
 * but it is the files that decide: transformers 5 compares both where both are there, and ties them only where they are
 * equal.
 */
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { ModelFolder, TensorLocation } from "./folder.js";
import { readInto, storageTrouble } from "./files.js";
import { isFloatType, readFloatRange } from "./read-tensor.js";
import { elementCount } from "./tensor-type.js";

export const headName = "lm_head.weight";

/** What the embedding is called in the files of the families that there are. */
export const embeddingNames = ["model.embed_tokens.weight", "transformer.wte.weight", "wte.weight"] as const;

type Bytes = Uint8Array<ArrayBuffer>;

/** Bytes, or elements, compared at a time. */
const piece = 1 << 22;

/**
 * True where the files have `lm_head.weight` and config.json does not tie it to the embedding, or ties it to one with
 * other values. Reads both up to the first difference; nothing if config.json says that they are not tied.
 * @throws CoxswainError "model" for a file that cannot be read
 */
export async function hasOwnHead({ path, config, tensors }: Omit<ModelFolder, "ownHead">): Promise<boolean> {
  const head = tensors.get(headName);
  if (head === undefined) return false;
  if (config["tie_word_embeddings"] === false) return true;
  const embedding = embeddingNames.flatMap((name) => tensors.get(name) ?? []).at(0);
  return embedding !== undefined && !(await isEqual(path, head, embedding));
}

async function isEqual(folder: string, left: TensorLocation, right: TensorLocation): Promise<boolean> {
  if (JSON.stringify(left.shape) !== JSON.stringify(right.shape)) return false;
  if (left.dtype !== right.dtype && !(isFloatType(left.dtype) && isFloatType(right.dtype))) return false;
  const [a, b] = [await openTensor(folder, left), await openTensor(folder, right)];
  try {
    return left.dtype === right.dtype ? await hasSameBytes(a, b) : await hasSameValues(a, b);
  } finally {
    await a.file.close();
    await b.file.close();
  }
}

interface OpenTensor {
  readonly file: FileHandle;
  readonly path: string;
  readonly location: TensorLocation;
}

async function openTensor(folder: string, location: TensorLocation): Promise<OpenTensor> {
  const path = join(folder, location.file);
  try {
    return { file: await open(path, "r"), path, location };
  } catch (error) {
    throw storageTrouble(error, path, "model");
  }
}

async function hasSameBytes(a: OpenTensor, b: OpenTensor): Promise<boolean> {
  const size = a.location.byteLength;
  const [left, right] = [new Uint8Array(Math.min(piece, size)), new Uint8Array(Math.min(piece, size))];
  for (let done = 0; done < size; done += piece) {
    const pieces = [left, right].map((bytes) => bytes.subarray(0, Math.min(piece, size - done))) as [Bytes, Bytes];
    await readInto(a.file, a.location.byteOffset + done, pieces[0], a.path);
    await readInto(b.file, b.location.byteOffset + done, pieces[1], b.path);
    if (Buffer.compare(...pieces) !== 0) return false;
  }
  return true;
}

/** Of two types of floats: as f32, which holds either exactly. */
async function hasSameValues(a: OpenTensor, b: OpenTensor): Promise<boolean> {
  const size = elementCount(a.location.shape);
  for (let done = 0; done < size; done += piece) {
    const count = Math.min(piece, size - done);
    const [left, right] = [new Float32Array(count), new Float32Array(count)];
    await readFloatRange(a.file, a.path, a.location, done, left);
    await readFloatRange(b.file, b.path, b.location, done, right);
    if (left.some((value, i) => value !== right[i])) return false;
  }
  return true;
}
