/** A file of TensorBoard's records, in a folder that may have files of earlier starts. */
import { closeSync, fstatSync, ftruncateSync, openSync, readdirSync, statSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { makeFoldersSync } from "../../make-folders.js";
import { storageTrouble } from "../../storage/index.js";

const pattern = /^events\.out\.tfevents\.(\d+)\./;

export class EventFile {
  readonly path: string;
  /** The folder has files of earlier starts. */
  readonly isContinued: boolean;
  readonly #file: number;

  /**
   * TensorBoard reads the files of a folder in the order of their names, so this one's sorts after those that exist.
   * @param now seconds since 1970
   * @throws CoxswainError "storage"
   */
  constructor(folder: string, now: number) {
    try {
      makeFoldersSync(folder);
      const names = readdirSync(folder).filter((name) => pattern.test(name));
      const times = names.map((name) => Number(pattern.exec(name)?.[1]));
      const time = Math.max(Math.floor(now), ...times.map((each) => each + 1));
      // A start that was killed early leaves an empty file.
      this.isContinued = names.some((name) => statSync(join(folder, name)).size > 0);
      const stamp = String(time).padStart(10, "0");
      this.path = join(folder, `events.out.tfevents.${stamp}.${hostname()}.${process.pid}.0`);
      this.#file = openSync(this.path, "ax");
    } catch (error) {
      throw storageTrouble(error, folder);
    }
  }

  /**
   * Writes a record whole, or not at all: a reader cannot pass over a part of one.
   * @throws as `writeSync`
   */
  append(record: Uint8Array): void {
    const { size } = fstatSync(this.#file);
    try {
      for (let done = 0; done < record.length;) done += writeSync(this.#file, record, done);
    } catch (error) {
      ftruncateSync(this.#file, size);
      throw error;
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}
