/** Listeners to a run while it runs: the live page, NATS. Does not know files. */
import type { EvalLine, RunEvent, StepLine } from "./run-files.js";
import type { Sample } from "./samples.js";

/** Receives what is written to the run's files, after them. Must neither throw nor block. */
export interface RunListener {
  step(line: StepLine): void;
  evaluation(line: EvalLine): void;
  event(event: RunEvent): void;
  /** The answers to the sample prompts after a step. */
  samples?(samples: readonly Sample[]): void;
  /** The run continues from this step; `metrics.jsonl` has its past. Later steps will be reported again. */
  rewound(step: number): void;
}
