/** A run that a program started: what it is told, what it can ask, how it ends. Types alone. */
import type { RunConfig } from "../config/index.js";
import type { Checkpoint, RunStatus } from "../control/index.js";
import type { RunEvent, RunView, StepLine } from "../telemetry/index.js";
import type { RunOverrides } from "./load-run.js";

/** What {@link startCoordinator} takes besides the run. */
export interface CoordinatorOptions {
  /** Keys in place of the run's own. Default: none. */
  readonly overrides?: RunOverrides | undefined;
  /** Go on from the newest checkpoint in `output_dir`. Default: false, and a folder that holds a run is refused. */
  readonly resume?: boolean | undefined;
  /** Listen beyond loopback without TLS or a token. Default: false. */
  readonly insecure?: boolean | undefined;
  /** A folder for the adapter where the disk of `output_dir` has no room for it. Default: none. */
  readonly rescue?: string | undefined;
  /**
   * Ends the run: the step in flight is finished and saved, then {@link TrainingRun.result} rejects with a CoxswainError
   * "interrupted" whose cause is the signal's reason. `resume: true` goes on.
   */
  readonly signal?: AbortSignal | undefined;
  /** Is called synchronously with what a person may want to see. Default: nothing is shown. */
  readonly view?: RunView | undefined;
  /** Is called once the port for workers is taken, before the data are read: workers may be started from here on. */
  readonly onListening?: ((address: { readonly host: string; readonly port: number }) => void) | undefined;
  /**
   * For what starts a coordinator again whenever it ends: metrics are served until {@link TrainingRun.close} once the run
   * is over, and where `signal` stops the run, workers are told to wait for the next coordinator. Default: false.
   */
  readonly stay?: boolean | undefined;
}

/** What {@link train} takes besides the run. */
export type TrainOptions = Omit<CoordinatorOptions, "stay">;

/** A run that is complete. */
export interface TrainResult {
  /** Folder of the PEFT adapter, absolute. */
  readonly adapter: string;
  /** Steps that were trained, those before a `resume` included. */
  readonly steps: number;
  /** What the losses say against the result ("the loss did not fall …"); undefined where nothing does. */
  readonly warning: string | undefined;
}

/**
 * A run that is under way.
 *
 * `steps` and `events` can be read by any number of loops, each from the start. They end with the run, whether it succeeds
 * or not. The newest 1024 items are kept: training never waits for a reader, and one that falls further behind misses the
 * oldest (`metrics.jsonl` and `events.jsonl` have them all). Not reading them costs nothing.
 */
export interface TrainingRun {
  /** The run with every default applied and the addresses that were taken; paths are absolute. */
  readonly config: RunConfig;
  /** HOST:PORT at which workers reach the coordinator. */
  readonly address: string;
  /** HOST:PORT of `/metrics`, `/healthz`, `/readyz` and the live page; undefined where `telemetry.http` is null. */
  readonly metricsAddress: string | undefined;
  /** Each committed step: the lines of `metrics.jsonl`. */
  readonly steps: AsyncIterable<StepLine>;
  /** What happens besides: the lines of `events.jsonl`. */
  readonly events: AsyncIterable<RunEvent>;
  /**
   * Settles when the run is over and everything that was opened for it is closed: servers, worker processes, files. Where
   * something scrapes the metrics regularly, that is after its next scrape. Resolves where the run is complete; rejects
   * with a CoxswainError: "interrupted" where it was stopped, else why it failed. Ignoring a rejection does not end the
   * process.
   */
  readonly result: Promise<TrainResult>;
  /** How the run is doing; also after its end. */
  status(): RunStatus;
  /**
   * Holds the run at the next step boundary.
   * @param by who asks, for `events.jsonl`
   * @returns how the run is now: rejects with a CoxswainError "cluster" where it is ending or over
   */
  pause(by?: string): Promise<RunStatus>;
  /**
   * Goes on after {@link pause}.
   * @param by who asks, for `events.jsonl`
   */
  resume(by?: string): Promise<RunStatus>;
  /** Saves the step in flight once it is committed. Resolves when the checkpoint is whole on the disk. */
  checkpoint(): Promise<Checkpoint>;
  /**
   * Finishes the step in flight, saves and ends; `result` then rejects with a CoxswainError "interrupted".
   * @param reason for `events.jsonl` and the error. Default: "stopped"
   * @returns how the run is now; `result` says when it has ended
   */
  stop(reason?: string): Promise<RunStatus>;
  /**
   * Ends what is left: stops the run where it is not over, else the wait for a last scrape or of `stay`. May be called
   * again. Resolves when everything is closed, however the run ended.
   */
  close(): Promise<void>;
}
