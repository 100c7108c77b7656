/**
 * A file of JSON lines on a disk that may be full for a while: lines that do not fit are kept in memory, and written in
 * order, before newer ones, as soon as there is room. Knows nothing of what the lines say.
 */
import type { CoxswainError } from "../errors.js";
import { diskIsFull, type JsonLinesFile } from "./json-lines.js";

/** Lines that are kept at most; of step lines, some 3 MB. */
const linesKept = 10_000;

export class PatientLines {
  readonly #file: JsonLinesFile;
  readonly #onFull: (error: CoxswainError) => void;
  #waiting: object[];

  /**
   * @param onFull is told whenever a line has to wait
   * @param waiting lines that were kept before; they are written first
   */
  constructor(file: JsonLinesFile, onFull: (error: CoxswainError) => void, waiting: readonly object[] = []) {
    this.#file = file;
    this.#onFull = onFull;
    this.#waiting = [...waiting];
  }

  /** Lines that are not in the file yet, in order. */
  get waiting(): readonly object[] {
    return this.#waiting;
  }

  /** @throws CoxswainError "storage" where the disk is full and more lines wait than are kept, or for another trouble */
  append(value: object): void {
    this.#waiting.push(value);
    const trouble = this.catchUp();
    if (trouble === undefined) return;
    if (this.#waiting.length > linesKept) throw trouble;
    this.#onFull(trouble);
  }

  /**
   * Writes what waits, as far as there is room.
   * @returns the full disk, where lines still wait
   * @throws CoxswainError "storage" for another trouble
   */
  catchUp(): CoxswainError | undefined {
    let written = 0;
    try {
      for (const line of this.#waiting) {
        this.#file.append(line);
        written++;
      }
      return undefined;
    } catch (error) {
      if (!diskIsFull(error)) throw error;
      return error;
    } finally {
      this.#waiting = this.#waiting.slice(written);
    }
  }

  /** Of what is in the file. @throws CoxswainError "storage" */
  flush(): void {
    this.#file.flush();
  }

  close(): void {
    this.#file.close();
  }
}
