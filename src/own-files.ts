/**
 * Files of a folder that others may write to as well: opened for writing never through a symbolic link, read only if they
 * are regular files of a bounded size, and attributed to their owner. Does not know what they contain.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import type { Stats } from "node:fs";
import { CoxswainError, systemCodeOf } from "./errors.js";
import { specialKind } from "./regular-file.js";

/** A link as the last part of a path is an error, and opening a pipe does not wait for its other end (both: not on Windows). */
const guarded =
  ((constants.O_NOFOLLOW as number | undefined) ?? 0) | ((constants.O_NONBLOCK as number | undefined) ?? 0);

const modes = {
  /** Created if necessary; every write goes to its end. */
  append: constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND,
  /** Created if necessary, and kept. */
  update: constants.O_RDWR | constants.O_CREAT,
  read: constants.O_RDONLY,
} as const;

/**
 * Opens a regular file; new ones get the permissions that the umask leaves.
 * @throws CoxswainError "storage" for a link, pipe or device; the system's error otherwise
 */
export function openOwnFile(path: string, mode: keyof typeof modes): number {
  let file: number;
  try {
    file = openSync(path, modes[mode] | guarded, 0o666);
  } catch (error) {
    // ELOOP: a link. ENXIO: a pipe that nobody reads, or a socket.
    if (["ELOOP", "ENXIO"].includes(systemCodeOf(error) ?? "")) throw notOurs(path, lstatSync(path), error);
    throw error;
  }
  const stats = fstatSync(file);
  if (stats.isFile()) return file;
  closeSync(file);
  throw stats.isDirectory() ? folderError(path) : notOurs(path, stats);
}

/** What was read of a file, and whose it is. */
export interface ReadFile {
  readonly text: string;
  readonly stats: Stats;
}

/**
 * Reads a whole file.
 * @param largest bytes
 * @throws CoxswainError "storage" as `openOwnFile`, and for a larger file; the system's error otherwise
 */
export function readOwnFile(path: string, largest: number): ReadFile {
  const file = openOwnFile(path, "read");
  try {
    const stats = fstatSync(file);
    if (stats.size > largest)
      throw new CoxswainError("storage", `${path}: is larger than ${largest} bytes`, {
        hint: "Coxswain did not write it: move it away.",
      });
    const bytes = Buffer.allocUnsafe(stats.size);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(file, bytes, length, bytes.length - length, null);
    return { text: bytes.toString("utf8", 0, length), stats };
  } finally {
    closeSync(file);
  }
}

/** Whether this user or root wrote it: they could read this user's secrets anyway. Always so on Windows. */
export function isOwnedByUs(owner: number): boolean {
  const user = process.getuid?.();
  return user === undefined || owner === user || owner === 0;
}

function notOurs(path: string, stats: Stats, cause?: unknown): CoxswainError {
  const kind = stats.isSymbolicLink() ? "a symbolic link" : (specialKind(stats) ?? "a device");
  return new CoxswainError("storage", `${path}: is ${kind}, not a file`, {
    hint: "Coxswain did not make it, and does not write or read through it: remove it, or choose another folder.",
    cause,
  });
}

const folderError = (path: string): Error =>
  Object.assign(new Error(`EISDIR: is a folder, ${path}`), { code: "EISDIR", path });
