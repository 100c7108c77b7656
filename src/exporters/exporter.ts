/** What passes a run's figures on to other tools while it runs. Training neither waits for it nor fails because of it. */
import type { RunListener } from "../telemetry/index.js";

export interface ExporterTrouble {
  /** The key of the run file that asks for it. */
  readonly exporter: string;
  readonly reason: string;
}

export interface Exporter extends RunListener {
  /** Called once, before the first step. @param report receives what goes wrong, once per kind */
  begin(report: (trouble: ExporterTrouble) => void): void;
  /** Called once, at the end of the run; may wait for a bounded time. */
  close(): Promise<void>;
}
