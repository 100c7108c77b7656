/** Between `serve` and the process of a run. */
import type { RunConfig } from "../../config/index.js";
import type { PackedError } from "../../packed-error.js";

/** The run to execute: the first and only message to the process. */
export interface JobRequest {
  readonly name: string;
  readonly config: RunConfig;
  readonly resume: boolean;
  readonly insecure: boolean;
}

/** How a run ended, as `FinishedRun`. */
export type JobOutcome =
  | { readonly kind: "completed" }
  | { readonly kind: "stopped"; readonly reason: string; readonly returning: boolean }
  | { readonly kind: "failed"; readonly error: PackedError };

export type JobReport =
  /** Every few seconds, unless the process hangs. */
  | { readonly kind: "alive" }
  | {
      readonly kind: "over";
      readonly outcome: JobOutcome;
      readonly step: number;
      readonly adapter: string | undefined;
    }
  /** It was not started. */
  | { readonly kind: "threw"; readonly error: PackedError };
