/** What a coordinator serves over HTTP: its metrics, what probes ask for, and the live page. */
import { isLoopback, parseAddress, runNames, type RunConfig } from "../config/index.js";
import type { RunControl } from "../control/index.js";
import { LivePage, LiveRecord, shownEvent, type Audience } from "../live-page/index.js";
import { createCoordinatorMetrics, readEvents, readMetrics, serveTelemetry } from "../telemetry/index.js";
import type { CoordinatorMetrics, Verdict } from "../telemetry/index.js";
import { version } from "../version.js";

/** The run's metrics, with what the run file says set. */
export function runMetrics(config: RunConfig): CoordinatorMetrics {
  const metrics = createCoordinatorMetrics(version);
  metrics.runInfo.set(1, { ...runNames(config), role: "coordinator", worker: "" });
  metrics.workersRequired.set(config.cluster.min_workers);
  metrics.checkpointInterval.set(config.training.save_steps);
  return metrics;
}

/**
 * What is kept for the live page, with what the run's files hold already; undefined where nothing is served.
 * @throws CoxswainError "config" for an address that cannot be read, "storage"
 */
export function openLiveRecord({ output_dir: folder, telemetry }: RunConfig): LiveRecord | undefined {
  if (telemetry.http === null) return undefined;
  const audience = audienceOf(telemetry.http);
  const past = { metrics: () => readMetrics(folder), events: () => readEvents(folder) };
  return new LiveRecord(past, (event) => shownEvent(event, audience));
}

export interface RunTelemetry {
  /** HOST:PORT with the port it really has. */
  readonly address: string;
  /** As `TelemetryServer.lastScrape`. */
  lastScrape(signal: AbortSignal): Promise<void> | undefined;
  /** Tells open pages how the run ended, then stops. */
  close(): Promise<void>;
}

export interface RunTelemetryOptions {
  readonly config: RunConfig;
  /** Undefined where nothing is served. */
  readonly record: LiveRecord | undefined;
  readonly metrics: CoordinatorMetrics;
  readonly control: RunControl;
  readonly ready: () => Verdict;
  /** Monotonic, ms. */
  readonly now: () => number;
}

/**
 * Serves at `telemetry.http`; undefined where that is null.
 * @throws CoxswainError "network" where it cannot be listened on
 */
export async function serveRun(options: RunTelemetryOptions): Promise<RunTelemetry | undefined> {
  const { config, record, metrics, control, ready, now } = options;
  const { http: address } = config.telemetry;
  if (address === null || record === undefined) return undefined;
  const page = new LivePage({ names: runNames(config), control, record, audience: audienceOf(address), now });
  const server = await serveTelemetry({ address, metrics, ready, pages: page.pages }).catch((error: unknown) => {
    page.close();
    throw error;
  });
  return {
    address: server.address,
    lastScrape: (signal) => server.lastScrape(signal),
    close: async () => {
      page.close();
      await server.close();
    },
  };
}

const audienceOf = (address: string): Audience =>
  isLoopback(parseAddress(address, { name: "telemetry.http", allowPortZero: true }).host) ? "machine" : "network";
