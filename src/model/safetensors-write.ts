/**
 * Writes safetensors files, byte for byte as the reference implementation lays them out: tensors of a wider type first,
 * then by name; the header padded with spaces to a multiple of 8. Data is streamed, so a file may exceed memory.
 */
import { open, type FileHandle } from "node:fs/promises";
import { storageTrouble } from "../storage/index.js";
import type { TensorType } from "./folder.js";
import { bytesPerElement, elementCount, typeRank } from "./tensor-type.js";

/** A tensor to write. */
export interface TensorSource {
  readonly name: string;
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  /** Little-endian, row-major: the bytes, or a function that yields them lazily, piece by piece. */
  readonly data: Uint8Array | (() => AsyncIterable<Uint8Array>);
}

/** An f32 tensor whose bytes are those of `values` (a view, not a copy). */
export function floatTensor(name: string, shape: readonly number[], values: Float32Array): TensorSource {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, dtype: "F32", shape, data };
}

const byteLength = (tensor: TensorSource): number => elementCount(tensor.shape) * bytesPerElement(tensor.dtype);

/** The order in which the reference implementation writes tensors. */
function inFileOrder(tensors: readonly TensorSource[]): TensorSource[] {
  const named = tensors.map((tensor) => ({ tensor, name: Buffer.from(tensor.name) }));
  named.sort(
    (left, right) =>
      typeRank(right.tensor.dtype) - typeRank(left.tensor.dtype) || Buffer.compare(left.name, right.name),
  );
  return named.map(({ tensor }) => tensor);
}

function headerBytes(sorted: readonly TensorSource[], metadata: Readonly<Record<string, string>>): Buffer {
  const header = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) header.set("__metadata__", metadata);
  let offset = 0;
  for (const tensor of sorted) {
    if (header.has(tensor.name)) throw new Error(`tensor "${tensor.name}" is given twice`);
    const end = offset + byteLength(tensor);
    header.set(tensor.name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [offset, end] });
    offset = end;
  }
  // Not through an object, which reorders keys that look like numbers.
  const entries = [...header].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const json = Buffer.from(`{${entries.join(",")}}`);
  const padded = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, " ");
  padded.writeBigUInt64LE(BigInt(padded.length - 8), 0);
  json.copy(padded, 8);
  return padded;
}

/**
 * Writes `tensors` to a new file at `path` (an existing one is replaced).
 * @param metadata `__metadata__`; Hugging Face's libraries require `{ format: "pt" }`
 * @throws CoxswainError "storage" for a full disk or a similar error; the file is then incomplete, and the caller must
 *   remove it
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorSource[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const sorted = inFileOrder(tensors);
  const header = headerBytes(sorted, metadata);
  let file: FileHandle | undefined;
  try {
    file = await open(path, "w");
    const writer = new BufferedWriter(file);
    await writer.write(header);
    for (const tensor of sorted) await writeData(writer, tensor);
    await writer.flush();
  } catch (error) {
    throw storageTrouble(error, path);
  } finally {
    await file?.close();
  }
}

async function writeData(writer: BufferedWriter, tensor: TensorSource): Promise<void> {
  const expected = byteLength(tensor);
  let written = 0;
  if (tensor.data instanceof Uint8Array) {
    await writer.write(tensor.data);
    written = tensor.data.length;
  } else {
    for await (const piece of tensor.data()) {
      await writer.write(piece);
      written += piece.length;
    }
  }
  if (written !== expected) throw new Error(`tensor "${tensor.name}" needs ${expected} bytes, ${written} were given`);
}

const bufferBytes = 1 << 20;

/** Buffers small pieces, since an adapter has hundreds of small tensors. Does not retain its inputs. */
class BufferedWriter {
  readonly #file: FileHandle;
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  #used = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#used + bytes.length > bufferBytes) await this.flush();
    if (bytes.length > bufferBytes) {
      await writeFully(this.#file, bytes);
    } else {
      this.#buffer.set(bytes, this.#used);
      this.#used += bytes.length;
    }
  }

  async flush(): Promise<void> {
    const used = this.#used;
    this.#used = 0;
    await writeFully(this.#file, this.#buffer.subarray(0, used));
  }
}

/** Writes all of `bytes` at the file's position: a single call may write less (near a full disk, or past 2 GiB). */
async function writeFully(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.length - done, 1 << 30));
    done += bytesWritten;
  }
}
