/** Who hears of a run while it runs: the live page, NATS. Knows nothing of files. */
import type { EvalLine, RunEvent, StepLine } from "./run-files.js";

/** Is told what the run's files were told, after them. What it does with that must neither throw nor wait. */
export interface RunListener {
  step(line: StepLine): void;
  evaluation(line: EvalLine): void;
  event(event: RunEvent): void;
  /** The run goes on from this step; `metrics.jsonl` has its past. Later ones that were told of will be told of again. */
  rewound(step: number): void;
}
