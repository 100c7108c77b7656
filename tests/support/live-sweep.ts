/** A fake sweep for tests of its page. */
import type { Curve } from "../../src/history/index.js";
import { LiveStream, servedPages, type Audience } from "../../src/live-page/index.js";
import type { SweepStatus, TrialStatus } from "../../src/sweep/index.js";
import * as document from "../../src/sweep/page/page.html.js";
import { SweepRecord } from "../../src/sweep/page/record.js";
import { createSweepMetrics, serveTelemetry, type TelemetryServer } from "../../src/telemetry/index.js";

export const trialStatus = (trial: number, more: Partial<TrialStatus> = {}): TrialStatus => ({
  trial,
  settings: { "training.learning_rate": 0.001 * (trial + 1), "lora.r": 8 },
  state: "waiting",
  rung: null,
  step: 0,
  total_steps: null,
  loss: null,
  value: null,
  reason: null,
  ...more,
});

export const emptySweep: SweepStatus = {
  output_dir: "/secret/path/sweep",
  metric: "eval_loss",
  rung: 0,
  rungs: [0.25, 0.5, 1],
  trials: [],
  best: null,
  workers: 2,
  complete: false,
};

export class LiveSweep {
  status: SweepStatus;
  readonly record: SweepRecord;
  readonly #stream: LiveStream<ReturnType<SweepRecord["snapshot"]>, NonNullable<ReturnType<SweepRecord["takeUpdate"]>>>;
  #server: TelemetryServer | undefined;

  constructor(
    trials: readonly TrialStatus[],
    {
      audience = "machine",
      past = () => Promise.resolve([]),
    }: { readonly audience?: Audience; readonly past?: (trial: number) => Promise<Curve> } = {},
  ) {
    this.status = { ...emptySweep, trials };
    this.record = new SweepRecord({
      sweep: { base: { config: { model: "/secret/path/model" } } as never },
      audience,
      past,
      status: () => this.status,
    });
    this.#stream = new LiveStream({
      snapshot: () => this.record.snapshot(),
      takeUpdate: (always) => this.record.takeUpdate(always),
      now: () => performance.now(),
    });
  }

  change(more: Partial<SweepStatus>): void {
    this.status = { ...this.status, ...more };
    this.record.change();
  }

  /** @returns the server's address, HOST:PORT */
  async serve(): Promise<string> {
    this.#server = await serveTelemetry({
      address: "127.0.0.1:0",
      metrics: createSweepMetrics("test"),
      ready: () => true,
      pages: servedPages({
        document,

        snapshot: () => this.record.snapshot(),
        stream: this.#stream,
      }),
    });
    return this.#server.address;
  }

  async close(): Promise<void> {
    this.#stream.close();
    await this.#server?.close();
  }
}
