/** Serves a coordinator's metrics, health probes and live page over HTTP. */
import { detach } from "../../async/index.js";
import { isLoopback, parseAddress, runNames, type RunConfig } from "../../config/index.js";
import type { RunControl } from "../../control/index.js";
import { readRunsBeside } from "../../history/index.js";
import { earlierRun, LivePage, LiveRecord, shownEvent, type Audience } from "../../live-page/index.js";
import {
  createCoordinatorMetrics,
  readEvents,
  readMetrics,
  readSamples,
  serveTelemetry,
} from "../../telemetry/index.js";
import type { CoordinatorMetrics, TelemetryServer, Verdict } from "../../telemetry/index.js";
import { version } from "../../version.js";

/** The run's metrics, with the values from the run file set. */
export function runMetrics(config: RunConfig): CoordinatorMetrics {
  const metrics = createCoordinatorMetrics(version);
  metrics.runInfo.set(1, { ...runNames(config), role: "coordinator", worker: "" });
  metrics.workersRequired.set(config.cluster.min_workers);
  metrics.checkpointInterval.set(config.training.save_steps);
  return metrics;
}

/**
 * The data of the live page, including what the run's files already contain; undefined if nothing is served.
 * @throws CoxswainError "config" for an invalid address, "storage"
 */
export function openLiveRecord({ output_dir: folder, telemetry }: RunConfig): LiveRecord | undefined {
  if (telemetry.http === null) return undefined;
  const audience = audienceOf(telemetry.http);
  const past = {
    metrics: () => readMetrics(folder),
    events: () => readEvents(folder),
    // Texts are shown on this machine only.
    ...(audience === "machine" ? { samples: () => readSamples(folder) } : {}),
  };
  return new LiveRecord(past, (event) => shownEvent(event, audience));
}

/** How many other runs the page compares this one with. */
const runsCompared = 4;

async function showEarlierRuns(record: LiveRecord, outputDir: string, totalSteps: number): Promise<void> {
  const runs = await readRunsBeside(outputDir, runsCompared);
  record.earlier(runs.map((run) => earlierRun(run, totalSteps)));
}

/** What the run serves once it is there. */
export interface ServedRun {
  readonly record: LiveRecord;
  readonly control: RunControl;
  readonly ready: () => Verdict;
  /** Monotonic, ms. */
  readonly now: () => number;
}

/** Serves from the start of a coordinator: first that it is starting, then the run. */
export class RunTelemetry {
  readonly #config: RunConfig;
  readonly #server: TelemetryServer;
  readonly #told: { ready: () => Verdict };
  #page: LivePage | undefined;

  private constructor(config: RunConfig, server: TelemetryServer, told: { ready: () => Verdict }) {
    this.#config = config;
    this.#server = server;
    this.#told = told;
  }

  /** @throws CoxswainError "network" if it cannot listen on the address */
  static async open(config: RunConfig, address: string, metrics: CoordinatorMetrics): Promise<RunTelemetry> {
    const told = { ready: (): Verdict => "the coordinator is starting" };
    const server = await serveTelemetry({
      address,
      metrics,
      ready: () => told.ready(),
      allowedHosts: config.telemetry.allowed_hosts,
      onRefused: () => metrics.turnedAway.add(1, { reason: "http_connections" }),
    });
    return new RunTelemetry(config, server, told);
  }

  /** HOST:PORT with the actual port. */
  get address(): string {
    return this.#server.address;
  }

  /** Shows the run from now on. */
  begin({ record, control, ready, now }: ServedRun): void {
    this.#told.ready = ready;
    const audience = audienceOf(this.address);
    this.#page = new LivePage({ names: runNames(this.#config), control, record, audience, now });
    this.#server.add(this.#page.pages);
    // Names and losses of other runs are shown on this machine only. The run does not wait for them.
    if (audience === "machine")
      detach(showEarlierRuns(record, this.#config.output_dir, control.status().total_steps), () => undefined);
  }

  /** As `TelemetryServer.lastScrape`. */
  lastScrape(signal: AbortSignal): Promise<void> | undefined {
    return this.#server.lastScrape(signal);
  }

  /** Tells open pages how the run ended, then stops. */
  async close(): Promise<void> {
    this.#page?.close();
    await this.#server.close();
  }
}

const audienceOf = (address: string): Audience =>
  isLoopback(parseAddress(address, { name: "telemetry.http", allowPortZero: true }).host) ? "machine" : "network";
