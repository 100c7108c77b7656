/** Detects pipes and devices given as a file, since reading them may never end. Called before opening a user's file. */
import type { Stats } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { CoxswainError, type ErrorCode } from "./errors.js";

/** "a pipe", "a device" …; undefined for a file or a folder. */
export function specialKind(stats: Stats): string | undefined {
  if (stats.isFIFO()) return "a pipe";
  if (stats.isSocket()) return "a socket";
  return stats.isCharacterDevice() || stats.isBlockDevice() ? "a device" : undefined;
}

export const saveToFile = "Save its content to a file, and give that file's path.";

/** As `specialKind`, for a path; also undefined if it cannot be inspected: reading it will report why. */
export async function specialKindOf(path: string): Promise<string | undefined> {
  const stats = await stat(path).catch(() => undefined);
  return stats === undefined ? undefined : specialKind(stats);
}

/** Standard input or `<(command)`: the shell provides a writer, so reading it ends. */
export const isOpenedByShell = (path: string): boolean => /^\/(dev\/(stdin|fd\/\d+)|proc\/self\/fd\/\d+)$/.test(path);

/** @throws CoxswainError `code` for a pipe, a socket or a device */
export async function refuseSpecialFile(path: string, code: ErrorCode): Promise<void> {
  const kind = await specialKindOf(path);
  if (kind !== undefined) throw new CoxswainError(code, `${path}: is ${kind}, not a file`, { hint: saveToFile });
}

/** The largest file that is read as a whole, bytes: the largest tokenizers have a tenth of it. */
export const largestText = 256 * 1024 * 1024;

/**
 * Reads a text file as a whole.
 * @throws CoxswainError `code` for a pipe, a socket, a device or a file that is too large; the system's error otherwise
 */
export async function readTextFile(path: string, code: ErrorCode, largest = largestText): Promise<string> {
  await refuseSpecialFile(path, code);
  const { size } = await stat(path);
  if (size > largest)
    throw new CoxswainError(code, `${path}: has ${size} bytes; at most ${largest} are read`, {
      hint: "It is not what it is used as: fetch it again.",
    });
  return readFile(path, "utf8");
}
