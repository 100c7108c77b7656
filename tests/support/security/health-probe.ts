/** Asks `/healthz` again and again, like an orchestrator: over a new connection each time. */
import { get } from "node:http";

/** Pause between probes, ms. */
const interval = 20;

/** A probe that is not answered for this long, ms, counts as this. */
const patience = 10_000;

export class HealthProbe {
  readonly #port: number;
  readonly #times: number[] = [];
  readonly #probing: Promise<void>;
  #stopped = false;

  constructor(port: number) {
    this.#port = port;
    this.#probing = this.#probe();
  }

  /** @returns the 99th percentile, ms */
  async stop(): Promise<number> {
    this.#stopped = true;
    await this.#probing;
    const sorted = this.#times.toSorted((one, other) => one - other);
    return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.POSITIVE_INFINITY;
  }

  async #probe(): Promise<void> {
    while (!this.#stopped) {
      this.#times.push(await timeOf(this.#port));
      await new Promise((resolve) => setTimeout(resolve, interval));
    }
  }
}

function timeOf(port: number): Promise<number> {
  const start = performance.now();
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/healthz", agent: false, timeout: patience }, (response) => {
      response.resume().once("end", () => resolve(response.statusCode === 200 ? performance.now() - start : patience));
    });
    request.once("timeout", () => request.destroy()).once("error", () => resolve(patience));
  });
}
