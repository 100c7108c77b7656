/** A file of JSON lines that is written as things happen. */
import { closeSync, openSync, writeSync } from "node:fs";

export class JsonLog {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  append(line: object): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}
