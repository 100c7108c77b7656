/** Files of JSON lines that never end with a partial line. Does not know the content of the lines. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { openOwnFile, readOwnFile } from "../own-files.js";

/** As of `writeSync`. */
type Write = (file: number, bytes: Buffer, offset: number) => number;

/** Appends whole lines. */
export class JsonLinesFile {
  readonly #path: string;
  readonly #write: Write;
  #file: number | undefined;
  /** Bytes of whole lines. */
  #size: number;

  /**
   * Opens a file for appending, creating it if necessary.
   * @param write given by tests
   * @throws CoxswainError "storage"
   */
  constructor(path: string, write: Write = writeSync) {
    this.#path = path;
    this.#write = write;
    try {
      this.#file = openOwnFile(path, "append");
      this.#size = fstatSync(this.#file).size;
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }

  /**
   * Writes one line, in one write: a process killed at any moment leaves it complete or absent. If the disk is full, a
   * partial line is removed.
   * @param value a JSON value; a non-finite number becomes null
   * @throws CoxswainError "storage"
   */
  append(value: object): void {
    if (this.#file === undefined) throw new CoxswainError("bug", `${this.#path}: a line after close()`);
    const bytes = Buffer.from(`${JSON.stringify(value)}\n`);
    let written = 0;
    try {
      while (written < bytes.length) written += this.#write(this.#file, bytes, written);
    } catch (error) {
      if (written > 0) ftruncateSync(this.#file, this.#size);
      throw cannotWrite(this.#path, error);
    }
    this.#size += bytes.length;
  }

  /**
   * Waits until all lines are on disk, safe from power loss.
   * @throws CoxswainError "storage"
   */
  flush(): void {
    if (this.#file !== undefined) flushFile(this.#file, this.#path);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

/** A file whose first line is the last one written; the rest may remain from an earlier, longer line. */
export class JsonSlot {
  readonly #path: string;
  #file: number | undefined;

  /**
   * Opens the file, keeping its line, or creates it.
   * @throws CoxswainError "storage"
   */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = openOwnFile(path, "update");
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }

  /**
   * In one write, so that a process killed at any moment leaves this line or the one before.
   * @throws CoxswainError "storage"
   */
  write(value: object): void {
    if (this.#file === undefined) throw new CoxswainError("bug", `${this.#path}: a line after close()`);
    const bytes = Buffer.from(`${JSON.stringify(value)}\n`);
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(this.#file, bytes, done, bytes.length - done, done);
    } catch (error) {
      throw cannotWrite(this.#path, error);
    }
  }

  /** As of a {@link JsonLinesFile}. @throws CoxswainError "storage" */
  flush(): void {
    if (this.#file !== undefined) flushFile(this.#file, this.#path);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

function flushFile(file: number, path: string): void {
  try {
    fsyncSync(file);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/**
 * Keeps those lines of a file that are complete JSON objects and that `keep` accepts. The file is replaced atomically.
 * A missing file has no lines.
 * @returns how many lines were dropped
 * @throws CoxswainError "storage"
 */
export function keepLines(path: string, keep: (line: Readonly<Record<string, unknown>>) => boolean): number {
  const text = readText(path);
  const lines = splitLines(text);
  const kept = lines.filter((line) => {
    const value = parseObject(line);
    return value !== undefined && keep(value);
  });
  // Compared as text: a whole last line may lack its line break.
  const keptText = kept.map((line) => `${line}\n`).join("");
  if (keptText !== text) replaceFile(path, keptText);
  return lines.length - kept.length;
}

/**
 * The lines of a file, including a last one without line break. A missing file has no lines.
 * @throws CoxswainError "storage"
 */
export const readLines = (path: string): string[] => splitLines(readText(path));

/**
 * The complete JSON objects of a file; other lines are skipped. A missing file has no lines.
 * @throws CoxswainError "storage"
 */
export const readObjects = (path: string): Readonly<Record<string, unknown>>[] =>
  readLines(path)
    .map(parseObject)
    .filter((value) => value !== undefined);

function splitLines(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** V8's longest string, bytes. */
const longestText = 2 ** 29 - 24;

function readText(path: string): string {
  try {
    return readOwnFile(path, longestText).text;
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return "";
    if (error instanceof CoxswainError) throw error;
    throw new CoxswainError("storage", `${path}: cannot be read: ${messageOf(error)}`, {
      hint: "Check the path and its permissions.",
      cause: error,
    });
  }
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Writes a temporary file, flushes and renames it: readers see the old or the new file, never a partial one. */
function replaceFile(path: string, text: string): void {
  const aside = `${path}.${process.pid}.incoming`;
  try {
    rmSync(aside, { force: true });
    const file = openSync(aside, "wx");
    try {
      const bytes = Buffer.from(text);
      for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw cannotWrite(path, error);
  }
}

/** Whether a write error means a full disk or quota, which may be temporary. */
export const diskIsFull = (error: unknown): error is CoxswainError =>
  error instanceof CoxswainError && isFull(systemCodeOf(error.cause));

const isFull = (code: string | undefined): boolean => code === "ENOSPC" || code === "EDQUOT";

/** A write error as a message for users. */
export function cannotWrite(path: string, error: unknown): CoxswainError {
  if (error instanceof CoxswainError) return error;
  const code = systemCodeOf(error);
  if (isFull(code)) {
    return new CoxswainError("storage", `${path}: the disk is full`, {
      hint: "Free some space; `coxswain train --resume` continues from the newest checkpoint.",
      cause: error,
    });
  }
  return new CoxswainError("storage", `${path}: cannot be written: ${messageOf(error)}`, {
    hint: "Check the path and its permissions, or choose another output_dir.",
    cause: error,
  });
}
