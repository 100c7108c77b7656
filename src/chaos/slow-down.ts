/** Slows a process down by stopping it for a share of every period. */
import type { ManagedProcess } from "./process.js";

/** ms. */
const period = 40;

export class SlowDown {
  readonly factor: number;
  readonly #process: () => ManagedProcess | undefined;
  #timer: NodeJS.Timeout;

  /** @param process the process to slow down now; undefined to leave it alone */
  constructor(factor: number, process: () => ManagedProcess | undefined) {
    this.factor = factor;
    this.#process = process;
    this.#timer = setTimeout(() => this.#stop(), period / factor);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #stop(): void {
    this.#process()?.stop();
    this.#timer = setTimeout(() => this.#goOn(), period - period / this.factor);
  }

  #goOn(): void {
    this.#process()?.goOn();
    this.#timer = setTimeout(() => this.#stop(), period / this.factor);
  }
}
