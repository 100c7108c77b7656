/** Serves a sweep's page, metrics and health probes on the run file's `telemetry.http`, while the sweep goes on. */
import { formatAddress, isLoopback } from "../../config/index.js";
import { takeTelemetryPort } from "../../coordinator/index.js";
import { readLosses } from "../../history/index.js";
import { LiveStream, servedPages, type Audience } from "../../live-page/index.js";
import { serveTelemetry, type TelemetryServer } from "../../telemetry/index.js";
import { trialFolder, type Sweep } from "../load.js";
import type { SweepStatus } from "../status.js";
import type { SweepEnd } from "./audience.js";
import { measureSweep, type MeasuredSweep } from "./measured.js";
import type { SweepSnapshot, SweepUpdate } from "./messages.js";
import * as document from "./page.html.js";
import { SweepRecord } from "./record.js";

export interface SweepPageOptions {
  readonly status: () => SweepStatus;
  readonly note: (text: string) => void;
  /** Monotonic, ms. */
  readonly now: () => number;
}

export class SweepPage {
  readonly #server: TelemetryServer;
  readonly #record: SweepRecord;
  readonly #metrics: MeasuredSweep;
  readonly #stream: LiveStream<SweepSnapshot, SweepUpdate>;

  private constructor(
    sweep: Sweep,
    { status, now }: SweepPageOptions,
    { server, metrics }: { readonly server: TelemetryServer; readonly metrics: MeasuredSweep },
  ) {
    this.#server = server;
    this.#metrics = metrics;
    const audience: Audience = isLoopback(server.host) ? "machine" : "network";
    const past = async (trial: number) => (await readLosses(trialFolder(sweep.outputDir, trial)))?.training ?? [];
    const record = new SweepRecord({ sweep, audience, past, status });
    this.#record = record;
    const snapshot = (): SweepSnapshot => record.snapshot();
    this.#stream = new LiveStream({ snapshot, takeUpdate: (always) => record.takeUpdate(always), now });
    server.add(servedPages({ document, snapshot, stream: this.#stream }));
  }

  /**
   * @returns undefined if `telemetry.http` is null
   * @throws CoxswainError "config" for an invalid address, "network" if it cannot listen
   */
  static async open(sweep: Sweep, options: SweepPageOptions): Promise<SweepPage | undefined> {
    const { config, isGiven } = sweep.base;
    const { http } = config.telemetry;
    if (http === null) return undefined;
    const metrics = measureSweep(sweep, options.status);
    const ready = (): true | string => (options.status().workers > 0 ? true : "no worker is connected");
    const server = await takeTelemetryPort(http, {
      isDefault: !isGiven("telemetry.http"),
      open: (address) => serveTelemetry({ address: formatAddress(address), metrics, ready }),
      note: options.note,
    });
    const page = new SweepPage(sweep, options, { server, metrics });
    options.note(`metrics on http://${server.address}/metrics, live page on http://${server.address}/`);
    return page;
  }

  change(): void {
    this.#record.change();
  }

  step(trial: number, step: number, loss: number, time: number): void {
    this.#metrics.step(time);
    this.#record.step(trial, step, loss);
  }

  /**
   * Tells open pages how the sweep ended, and stops. Waits for one more scrape if metrics are scraped regularly.
   * @param signal ends the waiting
   */
  async close(end: SweepEnd, signal: AbortSignal): Promise<void> {
    this.#record.finish(end);
    this.#stream.close();
    await this.#server.lastScrape(signal);
    await this.#server.close();
  }
}
