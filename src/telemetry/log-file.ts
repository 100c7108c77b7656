/** A log file that is opened once its folder exists. Earlier records are buffered until then. */
import { closeSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { makeFoldersSync } from "../make-folders.js";
import { openOwnFile } from "../own-files.js";
import { fileTrouble } from "../system-errors.js";

/** Maximum number of buffered lines; of more, the first are kept, since they show the start. */
const linesKept = 1_000;

export class LogFile {
  readonly #path: string;
  #file: number | undefined;
  #early: string[] | undefined = [];

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Opens the file for appending, creating its folder.
   * @throws CoxswainError "storage"
   */
  open(): void {
    try {
      makeFoldersSync(dirname(this.#path));
      this.#file = openOwnFile(this.#path, "append");
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
      writeSync(this.#file, line);
    } catch {
      // The run's own files report a full disk.
    }
  }

  /** Later lines are dropped, and so are buffered lines of a file that was never opened. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#early = undefined;
  }
}
