/**
 * A log file that is opened once its folder exists. Earlier records are buffered until then. A full file becomes `NAME.1`,
 * whose predecessor goes.
 */
import { closeSync, fstatSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { makeFoldersSync } from "../make-folders.js";
import { openOwnFile } from "../own-files.js";
import { fileTrouble } from "../system-errors.js";

/** Maximum number of buffered lines; of more, the first are kept, since they show the start. */
const linesKept = 1_000;

/** Of a file, bytes. */
const fullSize = 64 * 1024 * 1024;

export class LogFile {
  readonly #path: string;
  #file: number | undefined;
  #early: string[] | undefined = [];
  readonly #fullSize: number;
  #size = 0;

  /** @param full size in bytes at which the file is renamed */
  constructor(path: string, full = fullSize) {
    this.#path = path;
    this.#fullSize = full;
  }

  /**
   * Opens the file for appending, creating its folder.
   * @throws CoxswainError "storage"
   */
  open(): void {
    try {
      makeFoldersSync(dirname(this.#path));
      this.#file = openOwnFile(this.#path, "append");
      this.#size = fstatSync(this.#file).size;
    } catch (error) {
      if (error instanceof CoxswainError) throw error;
      const trouble = fileTrouble(systemCodeOf(error));
      const why = trouble?.words ?? messageOf(error);
      throw new CoxswainError("storage", `${this.#path}: the log cannot be written: ${why}`, {
        hint: trouble?.hint ?? "Check the folder's permissions, or choose another output_dir.",
        cause: error,
      });
    }
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const line of early) this.write(line);
  }

  /** A failed write (full disk) must not end the run: the line is then lost. */
  write(line: string): void {
    if (this.#early !== undefined) {
      if (this.#early.length < linesKept) this.#early.push(line);
      return;
    }
    if (this.#file === undefined) return;
    try {
      this.#size += writeSync(this.#file, line);
      if (this.#size >= this.#fullSize) this.#rotate(this.#file);
    } catch {
      // The run's own files report a full disk.
    }
  }

  /** @throws the system's error; the file is then closed, and later lines are dropped */
  #rotate(file: number): void {
    this.#file = undefined;
    closeSync(file);
    renameSync(this.#path, `${this.#path}.1`);
    this.#file = openOwnFile(this.#path, "append");
    this.#size = 0;
  }

  /** Later lines are dropped, and so are buffered lines of a file that was never opened. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#early = undefined;
  }
}
