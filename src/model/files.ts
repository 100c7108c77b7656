/** Small file helpers: whole reads and JSON files. */
import type { FileHandle } from "node:fs/promises";
import { CoxswainError, messageOf } from "../errors.js";
import { readTextFile } from "../regular-file.js";
import { storageTrouble } from "../storage/index.js";

/**
 * Reads exactly `length` bytes from `position`.
 * @throws CoxswainError "model" if the file ends early
 */
export async function readFully(
  file: FileHandle,
  position: number,
  length: number,
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  await readInto(file, position, bytes, path);
  return bytes;
}

/** Fills `bytes` from `position`; as `readFully`, without allocating. */
export async function readInto(file: FileHandle, position: number, bytes: Uint8Array, path: string): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    // One read call moves at most 2 GiB.
    const want = Math.min(bytes.length - done, 1 << 30);
    const { bytesRead } = await file.read(bytes, done, want, position + done);
    if (bytesRead === 0) {
      throw new CoxswainError("model", `${path}: expected ${position + bytes.length} bytes, found ${position + done}`, {
        hint: "The file was truncated while it was read: fetch it again.",
      });
    }
    done += bytesRead;
  }
}

/** A JSON object read from a file. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads a JSON file that holds an object.
 * @throws CoxswainError "model" if it is missing, unreadable, or no JSON object
 */
export async function readJsonObject(path: string): Promise<JsonObject> {
  let text: string;
  try {
    text = await readTextFile(path, "model");
  } catch (error) {
    throw storageTrouble(error, path, "model");
  }
  if (text.trim() === "")
    throw new CoxswainError("model", `${path}: the file is empty`, { hint: "Fetch the file again." });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CoxswainError("model", `${path}: not JSON: ${messageOf(error)}`, {
      hint: "Fetch the file again, or correct it.",
      cause: error,
    });
  }
  if (!isJsonObject(value)) {
    throw new CoxswainError("model", `${path}: expected a JSON object`, {
      hint: "Fetch the file again, or correct it.",
    });
  }
  return value;
}

/** Whether a parsed JSON value is an object (not an array, not null). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
