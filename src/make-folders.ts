/**
 * Creates a folder and its parents, one after the other. Node's `mkdir` with `recursive` never returns below a file
 * system that reports ENOENT for an existing folder, as /proc does.
 */
import { mkdirSync, statSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { systemCodeOf } from "./errors.js";

/**
 * @returns the topmost folder that was created; undefined if all existed
 * @throws the system's error: "ENOTDIR" if a file is in the way, "EACCES", "EROFS", "ENOENT" if no folder can be
 * created
 */
export async function makeFolders(path: string): Promise<string | undefined> {
  const missing: string[] = [];
  for (let folder = resolve(path); !(await isThere(folder)); folder = dirname(folder)) missing.unshift(folder);
  for (const folder of missing) await mkdir(folder).catch(unlessMade);
  return missing.at(0);
}

/** As `makeFolders`. */
export function makeFoldersSync(path: string): string | undefined {
  const missing: string[] = [];
  for (let folder = resolve(path); !isThereSync(folder); folder = dirname(folder)) missing.unshift(folder);
  for (const folder of missing) {
    try {
      mkdirSync(folder);
    } catch (error) {
      unlessMade(error);
    }
  }
  return missing.at(0);
}

async function isThere(folder: string): Promise<boolean> {
  try {
    return requireFolder(folder, (await stat(folder)).isDirectory());
  } catch (error) {
    return absent(folder, error);
  }
}

function isThereSync(folder: string): boolean {
  try {
    return requireFolder(folder, statSync(folder).isDirectory());
  } catch (error) {
    return absent(folder, error);
  }
}

function requireFolder(folder: string, isFolder: boolean): true {
  if (isFolder) return true;
  throw Object.assign(new Error(`ENOTDIR: not a directory, ${folder}`), { code: "ENOTDIR", path: folder });
}

/** False for a folder that does not exist; the root always exists. */
function absent(folder: string, error: unknown): false {
  if (systemCodeOf(error) === "ENOENT" && dirname(folder) !== folder) return false;
  throw error;
}

/** Another process may have created it meanwhile. */
function unlessMade(error: unknown): void {
  if (systemCodeOf(error) !== "EEXIST") throw error;
}
