/** Watches a run's metrics.jsonl for commits and their times, even if the file is truncated and written again. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { systemCodeOf } from "../errors.js";

/** ms; the resolution of a commit's time. */
const interval = 20;

export class CommitWatch {
  readonly #path: string;
  readonly #committed: (step: number) => void;
  readonly #timer: NodeJS.Timeout;
  #inode: number | undefined;
  #offset = 0;
  #rest = "";
  /** The newest step in the file. */
  #tip = 0;

  constructor(path: string, committed: (step: number) => void) {
    this.#path = path;
    this.#committed = committed;
    this.#timer = setInterval(() => this.look(), interval);
  }

  /** Reads what is new. */
  look(): void {
    let file: number;
    try {
      file = openSync(this.#path, "r");
    } catch (error) {
      if (systemCodeOf(error) === "ENOENT") return;
      throw error;
    }
    try {
      this.#read(file);
    } finally {
      closeSync(file);
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #read(file: number): void {
    const { ino, size } = fstatSync(file);
    const known = this.#tip;
    if (ino !== this.#inode || size < this.#offset) {
      // The file was replaced: steps that both contain were committed before.
      this.#inode = ino;
      this.#offset = 0;
      this.#rest = "";
      this.#tip = 0;
    }
    const bytes = Buffer.alloc(size - this.#offset);
    const length = readSync(file, bytes, 0, bytes.length, this.#offset);
    this.#offset += length;
    const lines = (this.#rest + bytes.toString("latin1", 0, length)).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const step = stepOf(line);
      if (step === undefined) continue;
      this.#tip = step;
      if (step > known) this.#committed(step);
    }
  }
}

/** The step that a line reports as committed. */
function stepOf(line: string): number | undefined {
  try {
    const { step, loss } = JSON.parse(line) as { step?: unknown; loss?: unknown };
    return typeof step === "number" && loss !== undefined ? step : undefined;
  } catch {
    return undefined;
  }
}
