/**
 * The live page's messages, as JSON: a snapshot when it is opened, then updates. Types only, shared by the coordinator
 * and the browser.
 */

/** Values of one step, or means over several in a long run. */
export interface StepPoint {
  /** The last of them. */
  readonly step: number;
  readonly steps: number;
  /** Nats per supervised token. */
  readonly loss: number;
  readonly learningRate: number;
  /** Before clipping. */
  readonly gradNorm: number;
  readonly tokensPerSecond: number;
}

export interface EvaluationPoint {
  readonly step: number;
  readonly steps: number;
  /** Nats per supervised token. */
  readonly loss: number;
  /** 0 to 1; absent if it is not measured. */
  readonly exactMatch?: number;
}

/** An answer to a sample prompt in the newest evaluation. */
export interface ShownSample {
  readonly step: number;
  readonly prompt: string;
  readonly completion: string;
}

/** The loss of another run in the same folder, to be compared with. */
export interface EarlierRun {
  /** Of its output folder. */
  readonly name: string;
  /** [step, nats per supervised token], thinned. */
  readonly training: readonly (readonly [number, number | null])[];
  readonly evaluation: readonly (readonly [number, number | null])[];
}

export interface ShownEvent {
  /** Counts from 1; a reconnecting page recognises known events by it. */
  readonly id: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** As in events.jsonl: "worker_joined", … */
  readonly event: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

export interface ShownWorker {
  readonly id: string;
  readonly state: string;
  readonly late: boolean;
  readonly device: string | null;
  readonly tokensPerSecond: number | null;
}

export interface ShownStatus {
  readonly run: string;
  readonly model: string;
  /** Of Coxswain. */
  readonly version: string;
  /** "training", "paused", "completed", …: `RunState` of src/control. */
  readonly state: string;
  /** Why, for people. */
  readonly detail: string | null;
  readonly step: number;
  readonly totalSteps: number;
  /** With a fraction. */
  readonly epoch: number | null;
  readonly secondsPerStep: number | null;
  readonly secondsLeft: number | null;
  /** The newest complete one on disk; `time` is ISO 8601, UTC. */
  readonly checkpoint: { readonly step: number; readonly time: string } | null;
  readonly workers: readonly ShownWorker[];
}

/** Everything. */
export interface Snapshot {
  readonly status: ShownStatus;
  readonly steps: readonly StepPoint[];
  readonly evaluations: readonly EvaluationPoint[];
  /** The newest ones, oldest first. */
  readonly events: readonly ShownEvent[];
  /** Absent if there are none, or other machines can see the page. */
  readonly samples?: readonly ShownSample[];
  /** Newest first. Absent if there are none, or other machines can see the page. */
  readonly earlier?: readonly EarlierRun[];
}

/** Replaces everything from index `from` on. Idempotent. */
export interface Tail<Point> {
  readonly from: number;
  readonly points: readonly Point[];
}

/** What changed since the last update. */
export interface Update {
  readonly status: ShownStatus;
  readonly steps?: Tail<StepPoint>;
  readonly evaluations?: Tail<EvaluationPoint>;
  readonly events?: readonly ShownEvent[];
  readonly samples?: readonly ShownSample[];
  readonly earlier?: readonly EarlierRun[];
}
