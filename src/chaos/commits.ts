/** Watches a run's metrics.jsonl: when which step was committed, also where the file is rewound and written again. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { systemCodeOf } from "../errors.js";

/** ms; a commit's time is known to that. */
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
      // Another file: steps that both have were committed before.
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

/** Of a line that tells of a commit. */
function stepOf(line: string): number | undefined {
  try {
    const { step, loss } = JSON.parse(line) as { step?: unknown; loss?: unknown };
    return typeof step === "number" && loss !== undefined ? step : undefined;
  } catch {
    return undefined;
  }
}
