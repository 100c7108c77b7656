/** Provides a run's steps and events as async iterables, in bounded memory. */
import { RecentItems } from "../async/index.js";
import type { RunEvent, RunListener, StepLine } from "../telemetry/index.js";

/** Number of steps, and of events, that are kept for slow readers. */
export const feedCapacity = 1024;

export class RunFeed implements RunListener {
  readonly steps = new RecentItems<StepLine>(feedCapacity);
  readonly events = new RecentItems<RunEvent>(feedCapacity);

  step(line: StepLine): void {
    this.steps.push(line);
  }

  /** Evaluations are also events. */
  evaluation(): void {
    return;
  }

  event(event: RunEvent): void {
    this.events.push(event);
  }

  /** Steps that are trained again are reported again. */
  rewound(): void {
    return;
  }

  end(): void {
    this.steps.end();
    this.events.end();
  }
}
