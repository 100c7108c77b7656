/**
 * Whether a model's files have a separate output head. `tie_word_embeddings` declares the head to be the embedding, but
 * the files decide: transformers 5 compares both if both exist, and ties them only if they are equal.
 */
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { storageTrouble } from "../storage/index.js";
import type { ModelFolder, TensorLocation } from "./folder.js";
import { readInto } from "./files.js";
import { isFloatType, readFloatRange } from "./read-tensor.js";
import { elementCount } from "./tensor-type.js";

export const headName = "lm_head.weight";

/** Names of the embedding in the files of supported families. */
export const embeddingNames = ["model.embed_tokens.weight", "transformer.wte.weight", "wte.weight"] as const;

type Bytes = Uint8Array<ArrayBuffer>;

/** Bytes, or elements, compared at a time. */
const piece = 1 << 22;

/**
 * True if the files have `lm_head.weight` and config.json does not tie it to the embedding, or ties it to one with
 * different values. Reads both up to the first difference; reads nothing if config.json does not tie them.
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

/** Compares two float types as f32, which represents both exactly. */
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
