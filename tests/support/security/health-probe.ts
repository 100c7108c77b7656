/** Asks `/healthz` again and again, like an orchestrator: over a new connection each time. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";

export class HealthProbe {
  readonly #thread: Worker;
  readonly #times: Promise<readonly number[]>;

  constructor(port: number) {
    this.#thread = new Worker(new URL("./health-probe-thread.mjs", import.meta.url), { workerData: port });
    this.#times = once(this.#thread, "message").then(([times]) => times as readonly number[]);
  }

  /** @returns the 99th percentile, ms */
  async stop(): Promise<number> {
    this.#thread.postMessage("stop");
    const sorted = (await this.#times).toSorted((one, other) => one - other);
    return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.POSITIVE_INFINITY;
  }
}
