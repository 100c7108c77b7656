/** Reports a run to NATS, if its settings name a server. The client is loaded only then. */
import type { RunConfig } from "../../config/index.js";
import type { RunReporter } from "../../nats/index.js";
import type { CoordinatorMetrics, Logger } from "../../telemetry/index.js";

export type { RunReporter };

export interface ReporterOptions {
  readonly config: RunConfig;
  readonly runId: string;
  readonly metrics: CoordinatorMetrics;
  readonly logger: Logger;
  /** For whoever looks at the run. */
  readonly note: (text: string) => void;
}

/** @throws CoxswainError "config" if the run has no valid name */
export async function openReporter(options: ReporterOptions): Promise<RunReporter | undefined> {
  const { config, runId, metrics, logger, note } = options;
  const settings = config.telemetry.nats;
  if (settings === null) return undefined;
  const { NatsReporter } = await import("../../nats/index.js");
  return new NatsReporter({
    settings,
    config,
    runId,
    onConnected: (connected) => metrics.natsConnected.set(connected ? 1 : 0),
    onDropped: (events) => metrics.natsEventsDropped.add(events),
    logger,
    note,
  });
}
