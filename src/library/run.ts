/** Types of a run that a program started: its options, its handle and its result. */
import type { RunConfig } from "../config/index.js";
import type { Checkpoint, RunStatus } from "../control/index.js";
import type { RunEvent, RunView, StepLine } from "../telemetry/index.js";
import type { RunOverrides } from "./load-run.js";

/** Options of {@link startCoordinator}. */
export interface CoordinatorOptions {
  /** Keys that override those of the run. Default: none. */
  readonly overrides?: RunOverrides | undefined;
  /** Continue from the newest checkpoint in `output_dir`. Default: false: a folder that contains a run is rejected. */
  readonly resume?: boolean | undefined;
  /** Listen beyond loopback without TLS or a token. Default: false. */
  readonly insecure?: boolean | undefined;
  /** A folder for the adapter if the disk of `output_dir` is full. Default: none. */
  readonly rescue?: string | undefined;
  /**
   * Ends the run: the step in flight is finished and saved, then {@link TrainingRun.result} rejects with a CoxswainError
   * "interrupted" whose cause is the signal's reason. Continue with `resume: true`.
   */
  readonly signal?: AbortSignal | undefined;
  /** Called synchronously with progress and notes for the user. Default: none. */
  readonly view?: RunView | undefined;
  /** Called once the port for workers is open, before the data is read: workers may be started from then on. */
  readonly onListening?: ((address: { readonly host: string; readonly port: number }) => void) | undefined;
  /**
   * For supervisors that restart the coordinator whenever it ends: after the run, metrics are served until
   * {@link TrainingRun.close}, and if `signal` stops the run, workers wait for the next coordinator. Default: false.
   */
  readonly stay?: boolean | undefined;
}

/** Options of {@link train}. */
export type TrainOptions = Omit<CoordinatorOptions, "stay">;

/** The best evaluation of a run. */
export interface BestEvaluation {
  /** `training.metric_for_best_model`. */
  readonly metric: "eval_loss" | "exact_match";
  readonly step: number;
  readonly value: number;
  /** The adapter is that of its step (`training.load_best_model_at_end`). */
  readonly loaded: boolean;
}

/** The result of a complete run. */
export interface TrainResult {
  /** Absolute path of the PEFT adapter's folder. */
  readonly adapter: string;
  /** Number of trained steps, including those before a `resume`. */
  readonly steps: number;
  /** The best evaluation, if evaluations are compared (`training.metric_for_best_model`). */
  readonly best?: BestEvaluation | undefined;
  /** Training stopped before its last step (`training.early_stopping_patience`). */
  readonly stoppedEarly?: boolean | undefined;
  /** A warning if the losses indicate that training failed ("the loss did not fall …"), else undefined. */
  readonly warning: string | undefined;
}

/**
 * A started run.
 *
 * Any number of loops can read `steps` and `events`, each from the start. They end with the run, whether it succeeds or
 * not. The newest 1024 items are kept: training never waits for a reader, and one that falls further behind misses the
 * oldest items (`metrics.jsonl` and `events.jsonl` have all of them). They need not be read.
 */
export interface TrainingRun {
  /** The settings with all defaults applied and the actual addresses; paths are absolute. */
  readonly config: RunConfig;
  /** HOST:PORT at which workers reach the coordinator. */
  readonly address: string;
  /** HOST:PORT of `/metrics`, `/healthz`, `/readyz` and the live page; undefined if `telemetry.http` is null. */
  readonly metricsAddress: string | undefined;
  /** The committed steps: the lines of `metrics.jsonl`. */
  readonly steps: AsyncIterable<StepLine>;
  /** The other events: the lines of `events.jsonl`. */
  readonly events: AsyncIterable<RunEvent>;
  /**
   * Settles when the run is over and its servers, worker processes and files are closed. If a monitor scrapes the metrics
   * regularly, that is after its next scrape. Resolves if the run is complete; rejects with a CoxswainError:
   * "interrupted" if it was stopped, else the reason why it failed. Ignoring a rejection does not end the process.
   */
  readonly result: Promise<TrainResult>;
  /** The current status of the run; also available after its end. */
  status(): RunStatus;
  /**
   * Pauses the run at the next step boundary.
   * @param by the caller's name, for `events.jsonl`
   * @returns the current status; rejects with a CoxswainError "cluster" if the run is ending or over
   */
  pause(by?: string): Promise<RunStatus>;
  /**
   * Continues after {@link pause}.
   * @param by the caller's name, for `events.jsonl`
   */
  resume(by?: string): Promise<RunStatus>;
  /** Saves a checkpoint once the step in flight is committed. Resolves when the checkpoint is complete on disk. */
  checkpoint(): Promise<Checkpoint>;
  /**
   * Finishes the step in flight, saves a checkpoint and ends the run; `result` then rejects with a CoxswainError
   * "interrupted".
   * @param reason for `events.jsonl` and the error. Default: "stopped"
   * @returns the current status; `result` settles when the run has ended
   */
  stop(reason?: string): Promise<RunStatus>;
  /**
   * Stops the run if it is not over, else ends the wait for a last scrape or that of `stay`. Idempotent. Resolves when
   * everything is closed, however the run ended.
   */
  close(): Promise<void>;
}
