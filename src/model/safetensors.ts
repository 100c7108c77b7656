/**
 * Reads the header of a safetensors file, as strictly as the reference implementation: its description must
 * match the file exactly. Reads no tensor data (see `read-tensor.ts`).
 *
 * The format: 8 bytes, the header's length (little-endian); the header, a JSON object that maps names to
 * `{dtype, shape, data_offsets: [begin, end]}` and may have a `__metadata__` of strings; the data, without holes.
 */
import { open, type FileHandle } from "node:fs/promises";
import { CoxswainError, messageOf } from "../errors.js";
import { refuseSpecialFile } from "../regular-file.js";
import { storageTrouble } from "../storage/index.js";
import type { TensorLocation, TensorType } from "./folder.js";
import { readFully } from "./files.js";
import { bytesPerElement, elementCount, isTensorType } from "./tensor-type.js";

/** The reference implementation's limit, bytes. */
const maxHeaderBytes = 100_000_000;

const damagedHint = "The file is damaged or incomplete: fetch it again.";

/** The location of a tensor in the file. */
export type TensorEntry = Omit<TensorLocation, "file">;

export interface SafetensorsHeader {
  /** By name, in the order of the data. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** `__metadata__`; empty if there is none. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes of the whole file. */
  readonly fileBytes: number;
}

interface RawTensor {
  readonly name: string;
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads and checks the header of the safetensors file at `path`.
 * @throws CoxswainError "model" for a file that is missing, truncated, corrupt, or has an unknown element type
 */
export async function readSafetensorsHeader(path: string): Promise<SafetensorsHeader> {
  await refuseSpecialFile(path, "model");
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    throw storageTrouble(error, path, "model");
  }
  try {
    const { size } = await file.stat();
    const text = await readHeaderText(file, path, size);
    const dataStart = 8 + text.bytes;
    const { raw, metadata } = parseHeader(path, text.json);
    checkCoverage(path, raw, dataStart, size);
    const tensors = new Map<string, TensorEntry>();
    for (const { name, dtype, shape, begin, end } of raw) {
      tensors.set(name, { dtype, shape, byteOffset: dataStart + begin, byteLength: end - begin });
    }
    return { tensors, metadata, fileBytes: size };
  } finally {
    await file.close();
  }
}

async function readHeaderText(file: FileHandle, path: string, size: number): Promise<{ json: string; bytes: number }> {
  if (size < 8) throw damaged(path, `a safetensors file has at least 8 bytes, found ${size}`);
  const prefix = await readFully(file, 0, 8, path);
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) {
    throw damaged(path, `its header claims ${length.toString()} bytes, more than the limit of ${maxHeaderBytes}`);
  }
  const bytes = Number(length);
  if (8 + bytes > size) throw damaged(path, `its header needs ${8 + bytes} bytes, found ${size}`);
  const content = await readFully(file, 8, bytes, path);
  try {
    return { json: new TextDecoder("utf-8", { fatal: true }).decode(content), bytes };
  } catch (error) {
    throw damaged(path, "its header is not UTF-8 text", error);
  }
}

function parseHeader(path: string, json: string): { raw: RawTensor[]; metadata: Record<string, string> } {
  if (!json.startsWith("{")) throw damaged(path, "its header is not a JSON object");
  let header: unknown;
  try {
    header = JSON.parse(json);
  } catch (error) {
    throw damaged(path, `its header is not JSON: ${messageOf(error)}`, error);
  }
  if (!isRecord(header)) throw damaged(path, "its header is not a JSON object");
  const raw: RawTensor[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") metadata = parseMetadata(path, value);
    else raw.push(parseTensor(path, name, value));
  }
  raw.sort((left, right) => left.begin - right.begin || left.end - right.end);
  return { raw, metadata };
}

function parseMetadata(path: string, value: unknown): Record<string, string> {
  if (!isRecord(value)) throw damaged(path, "__metadata__ is not a JSON object");
  const metadata: Record<string, string> = {};
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") throw damaged(path, `__metadata__ "${key}" is not a string`);
    metadata[key] = text;
  }
  return metadata;
}

function parseTensor(path: string, name: string, value: unknown): RawTensor {
  if (!isRecord(value)) throw damaged(path, `tensor "${name}" is not described by a JSON object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isTensorType(dtype)) {
    throw new CoxswainError("model", `${path}: tensor "${name}" has element type ${JSON.stringify(dtype)}`, {
      hint: "Known types: F32, F16, BF16, F64, I64, I32, I16, I8, U8, BOOL. Quantised checkpoints are not supported.",
    });
  }
  if (!isSizes(shape)) throw damaged(path, `tensor "${name}" has an invalid shape ${JSON.stringify(shape)}`);
  const [begin, end] = isSizes(offsets) && offsets.length === 2 ? offsets : [];
  if (begin === undefined || end === undefined || end < begin) {
    throw damaged(path, `tensor "${name}" has invalid data_offsets ${JSON.stringify(offsets)}`);
  }
  const expected = elementCount(shape) * bytesPerElement(dtype);
  if (end - begin !== expected) {
    throw damaged(
      path,
      `tensor "${name}" (${dtype} [${shape.join(", ")}]) needs ${expected} bytes, has ${end - begin}`,
    );
  }
  return { name, dtype, shape, begin, end };
}

/** The tensors must follow one another without holes or overlaps and end where the file ends. */
function checkCoverage(path: string, sorted: readonly RawTensor[], dataStart: number, size: number): void {
  let next = 0;
  for (const { name, begin, end } of sorted) {
    if (begin !== next) {
      throw damaged(path, `tensor "${name}" begins at byte ${begin} of the data, expected ${next}`);
    }
    next = end;
  }
  const expected = dataStart + next;
  if (size !== expected) throw damaged(path, `its header describes ${expected} bytes, the file has ${size}`);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function damaged(path: string, what: string, cause?: unknown): CoxswainError {
  return new CoxswainError("model", `${path}: ${what}`, { hint: damagedHint, cause });
}
