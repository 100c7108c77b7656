/** A fake run for tests of the live page. */
import { LivePage, LiveRecord, shownEvent, type Audience } from "../../src/live-page/index.js";
import { isOver, type RunStatus, type WorkerStatus } from "../../src/control/index.js";
import { createCoordinatorMetrics, serveTelemetry } from "../../src/telemetry/index.js";
import type { StepLine, TelemetryServer } from "../../src/telemetry/index.js";

export const stepLine = (step: number, more: Partial<StepLine> = {}): StepLine => ({
  step,
  epoch: step / 100,
  loss: 1 / step,
  grad_norm: 0.5,
  learning_rate: 1e-4,
  tokens: 1000,
  supervised_tokens: 400,
  tokens_per_second: 2000,
  step_seconds: 0.5,
  workers: 2,
  ...more,
});

/** The record of a new run. */
export const noPast = { metrics: () => [], events: () => [] };

export const workerStatus = (id: string, more: Partial<WorkerStatus> = {}): WorkerStatus => ({
  id,
  host: "secret-host",
  pid: 4711,
  state: "active",
  late: false,
  reachable: true,
  engine: "onnx",
  backend: "cpu",
  device: "cpu",
  tokens_per_second: 1000,
  shards_held: 1,
  shards_done: 2,
  joined_at: "2026-01-01T00:00:00.000Z",
  ...more,
});

export const runStatus = (more: Partial<RunStatus> = {}): RunStatus => ({
  run_id: "id",
  run_digest: "digest",
  version: "1.2.3",
  host: "secret-host",
  pid: 4711,
  output_dir: "/secret/path/assistant",
  model: "/secret/path/model",
  state: "training",
  detail: null,
  step: 0,
  total_steps: 100,
  epoch: null,
  loss: null,
  learning_rate: null,
  grad_norm: null,
  tokens_per_second: null,
  seconds_per_step: null,
  seconds_left: null,
  evaluation: null,
  best: null,
  checkpoint: null,
  started_at: "2026-01-01T00:00:00.000Z",
  all_reduce: "star",
  workers: [],
  ...more,
});

export class LiveRun {
  status: RunStatus;
  readonly record: LiveRecord;
  readonly page: LivePage;
  readonly #listeners = new Set<(over: boolean) => void>();
  #server: TelemetryServer | undefined;

  constructor(
    options: {
      readonly status?: RunStatus;
      readonly audience?: Audience;
      readonly run?: string;
      readonly model?: string;
    } = {},
  ) {
    const { status = runStatus(), audience = "machine", run = "assistant", model = "model" } = options;
    this.status = status;
    this.record = new LiveRecord(noPast, (event) => shownEvent(event, audience));
    this.page = new LivePage({
      names: { run, model },
      control: {
        status: () => this.status,
        watch: (listener) => {
          this.#listeners.add(listener);
          return () => void this.#listeners.delete(listener);
        },
      },
      record: this.record,
      audience,
      now: () => performance.now(),
    });
  }

  get watched(): boolean {
    return this.#listeners.size > 0;
  }

  change(more: Partial<RunStatus>): void {
    this.status = { ...this.status, ...more };
    for (const listener of this.#listeners) listener(isOver(this.status.state));
  }

  /** @returns the server's address, HOST:PORT */
  async serve(): Promise<string> {
    this.#server = await serveTelemetry({
      address: "127.0.0.1:0",
      metrics: createCoordinatorMetrics("test"),
      ready: () => true,
      pages: this.page.pages,
    });
    return this.#server.address;
  }

  async close(): Promise<void> {
    this.page.close();
    await this.#server?.close();
  }
}
