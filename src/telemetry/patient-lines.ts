/**
 * A file of JSON lines on a disk that may be full for a while: lines that do not fit are kept in memory, and written in
 * order, before newer ones, as soon as there is space. Does not know the content of the lines.
 */
import type { CoxswainError } from "../errors.js";
import { diskIsFull, type JsonLinesFile } from "./json-lines.js";

/** Maximum number of kept lines; about 3 MB of step lines. */
const linesKept = 10_000;

export class PatientLines {
  readonly #file: JsonLinesFile;
  readonly #onFull: (error: CoxswainError) => void;
  #waiting: object[];

  /**
   * @param onFull called whenever a line has to wait
   * @param waiting previously kept lines, which are written first
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

  /** @throws CoxswainError "storage" if the disk is full and too many lines wait, or for another error */
  append(value: object): void {
    this.#waiting.push(value);
    const trouble = this.catchUp();
    if (trouble === undefined) return;
    if (this.#waiting.length > linesKept) throw trouble;
    this.#onFull(trouble);
  }

  /**
   * Writes waiting lines, as far as there is space.
   * @returns the disk-full error if lines still wait
   * @throws CoxswainError "storage" for another error
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
