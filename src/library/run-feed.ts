/** A run's steps and events as sequences to iterate over, in bounded memory. */
import { RecentItems } from "../async/index.js";
import type { RunEvent, RunListener, StepLine } from "../telemetry/index.js";

/** Items of each that are kept for readers that are behind. */
export const feedCapacity = 1024;

export class RunFeed implements RunListener {
  readonly steps = new RecentItems<StepLine>(feedCapacity);
  readonly events = new RecentItems<RunEvent>(feedCapacity);

  step(line: StepLine): void {
    this.steps.push(line);
  }

  /** The event of it says as much. */
  evaluation(): void {
    return;
  }

  event(event: RunEvent): void {
    this.events.push(event);
  }

  /** Steps that are trained again are told again. */
  rewound(): void {
    return;
  }

  end(): void {
    this.steps.end();
    this.events.end();
  }
}
