/**
 * Tokens on disk: files of 32-bit integers in the machine's byte order, example by example, so that a data set of any size
 * takes little memory. A file is open only while it is read; the system's page cache keeps what is read again.
 */
import type { Hash } from "node:crypto";
import { closeSync, createReadStream, openSync, readSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { CoxswainError, messageOf } from "../errors.js";
import { Int32Buffer, bytesOf } from "./int32-buffer.js";
import type { ExampleTokens } from "./token-store.js";

const fileOf = (folder: string, column: "ids" | "labels" | "lengths"): string => join(folder, `${column}.i32`);

/** Bytes that are written together. */
const pieceBytes = 1 << 22;

/** A file that is being written. */
class IntFile {
  readonly #file: number;
  readonly #pending = new Int32Array(pieceBytes / 4);
  #count = 0;

  constructor(path: string) {
    this.#file = openSync(path, "wx");
  }

  append(items: Int32Array): void {
    for (let from = 0; from < items.length;) {
      const part = items.subarray(from, from + this.#pending.length - this.#count);
      this.#pending.set(part, this.#count);
      this.#count += part.length;
      from += part.length;
      if (this.#count === this.#pending.length) this.#write();
    }
  }

  finish(): void {
    this.#write();
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(): void {
    const bytes = bytesOf(this.#pending.subarray(0, this.#count));
    for (let written = 0; written < bytes.length;) written += writeSync(this.#file, bytes, written);
    this.#count = 0;
  }
}

/** Writes the tokens of a data set into a folder. Its owner closes it, also after an error. */
export class TokenFileWriter {
  readonly #folder: string;
  readonly #ids: IntFile;
  readonly #labels: IntFile;
  readonly #lengths = new Int32Buffer();

  /** @param folder an empty folder @throws the system's error */
  constructor(folder: string) {
    this.#folder = folder;
    this.#ids = new IntFile(fileOf(folder, "ids"));
    this.#labels = new IntFile(fileOf(folder, "labels"));
  }

  /** Adds an example. @throws the system's error, such as "ENOSPC" */
  append(ids: Int32Array, labels: Int32Array): void {
    this.#ids.append(ids);
    this.#labels.append(labels);
    this.#lengths.push(ids.length);
  }

  /** Writes the rest, and opens what was written. Nothing is appended afterwards. @throws the system's error */
  finish(): ExampleTokens {
    const lengths = new IntFile(fileOf(this.#folder, "lengths"));
    try {
      lengths.append(this.#lengths.finish());
      for (const file of [this.#ids, this.#labels, lengths]) file.finish();
    } finally {
      lengths.close();
    }
    return openTokenFiles(this.#folder);
  }

  close(): void {
    this.#ids.close();
    this.#labels.close();
  }
}

/**
 * Opens what a `TokenFileWriter` has finished.
 * @throws CoxswainError "storage" if it is not there, or not whole
 */
export function openTokenFiles(folder: string): ExampleTokens {
  const path = fileOf(folder, "lengths");
  const lengths = readInts(path, 0, sizeOf(path) / 4);
  const bytes = 4 * lengths.reduce((sum, length) => sum + length, 0);
  for (const column of ["ids", "labels"] as const)
    if (sizeOf(fileOf(folder, column)) !== bytes) throw damaged(fileOf(folder, column), "it has another size");
  return {
    lengths,
    read: (start, length) => ({
      ids: readInts(fileOf(folder, "ids"), start, length),
      labels: readInts(fileOf(folder, "labels"), start, length),
    }),
    hash: (column, into) => hashFile(fileOf(folder, column), into),
  };
}

function sizeOf(path: string): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined || size % 4 !== 0)
    throw damaged(path, size === undefined ? "it is not there" : "it is cut short");
  return size;
}

/** Elements [start, start + length). */
function readInts(path: string, start: number, length: number): Int32Array {
  const into = new Int32Array(length);
  const bytes = bytesOf(into);
  try {
    const file = openSync(path, "r");
    try {
      for (let done = 0; done < bytes.length;) {
        const count = readSync(file, bytes, done, bytes.length - done, start * 4 + done);
        if (count === 0) throw new Error("it is cut short");
        done += count;
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw damaged(path, messageOf(error));
  }
  return into;
}

async function hashFile(path: string, into: Hash): Promise<void> {
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) into.update(piece as Buffer);
}

const damaged = (path: string, why: string): CoxswainError =>
  new CoxswainError("storage", `${path}: ${why}`, {
    hint: "Start again: the data are then tokenised again. Nothing else may write to the cache.",
  });
