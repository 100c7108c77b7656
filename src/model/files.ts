/** Small file helpers: whole reads, JSON files, and system errors turned into words a user can act on. */
import { readFile, type FileHandle } from "node:fs/promises";
import { CoxswainError, messageOf, systemCodeOf, type ErrorCode } from "../errors.js";

/**
 * Reads exactly `length` bytes from `position`.
 * @throws CoxswainError "model" where the file ends before
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
        hint: "The file became shorter while it was read: fetch it again.",
      });
    }
    done += bytesRead;
  }
}

/** A JSON object read from a file. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads a JSON file that holds an object.
 * @throws CoxswainError "model" where it is missing, unreadable, or no JSON object
 */
export async function readJsonObject(path: string): Promise<JsonObject> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
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

const hints: Readonly<Record<string, string>> = {
  ENOENT: "Check the path.",
  EACCES: "Check the permissions.",
  EPERM: "Check the permissions.",
  EROFS: "The file system is read-only: choose another place.",
  ENOSPC: "The disk is full: free some space, or choose another place.",
  EDQUOT: "The disk quota is used up: free some space, or choose another place.",
  EFBIG: "The file is larger than the file system or a limit allows: choose another place.",
  EISDIR: "A file is expected here, not a folder.",
  ENOTDIR: "A folder is expected here, not a file.",
  ELOOP: "Give the place itself, not a link.",
  ENAMETOOLONG: "Give a shorter path.",
  EMFILE: "Too many files are open: raise the limit (ulimit -n).",
};

const words: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left on the disk",
  EDQUOT: "the disk quota is used up",
  EISDIR: "is a folder",
  ENOTDIR: "is not a folder",
  ELOOP: "its symbolic links lead in a circle",
  ENAMETOOLONG: "the name is too long",
};

/** Other codes that file systems give. A network's (`ECONNRESET` …) are not among them. */
const otherCodes = new Set("EBUSY EEXIST EINVAL EIO ENFILE ENOTEMPTY ENXIO ESTALE ETXTBSY EXDEV".split(" "));

/**
 * A file system's error (`ENOENT`, `ENOSPC` …) as a `CoxswainError` that names the path; a `CoxswainError` as it is. Anything
 * else is a bug of ours and is returned unchanged.
 */
export function storageTrouble(error: unknown, path: string, code: ErrorCode = "storage"): Error {
  if (error instanceof CoxswainError) return error;
  const system = systemCodeOf(error);
  const hint = system === undefined ? undefined : hints[system];
  if (system === undefined || (hint === undefined && !otherCodes.has(system))) {
    return error instanceof Error ? error : new Error(messageOf(error));
  }
  return new CoxswainError(code, `${path}: ${words[system] ?? messageOf(error)}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}
