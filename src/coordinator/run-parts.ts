/** The parts of a running coordinator, once the run is prepared and its files are open; and the options of its caller. */
import type { Clock } from "../clock.js";
import type { Address } from "../config/index.js";
import type { RecordedDataset } from "../data/index.js";
import type { CoxswainError } from "../errors.js";
import type { Exporters } from "../exporters/index.js";
import type { StepNumber } from "../ids.js";
import type { CoordinatorHandlers } from "../rpc/index.js";
import type { LiveRecord } from "../live-page/index.js";
import type { CoordinatorMetrics, Logger, RunFiles, RunListener, RunRecord, RunView } from "../telemetry/index.js";
import type { AddressKey, Listeners } from "./service/listeners.js";
import type { PreparedRun } from "./prepare/prepare.js";
import type { RunReporter } from "./record/reporting.js";
import type { SavedCheckpoint } from "./checkpoints/checkpointer.js";

export interface CoordinatorOptions {
  readonly resume: boolean;
  /** As in `PrepareOptions`. */
  readonly localWorkers?: boolean;
  /** Listen beyond loopback without TLS or a token. */
  readonly insecure: boolean;
  /** Addresses that may be replaced if another run on this machine uses them. */
  readonly defaults: ReadonlySet<AddressKey>;
  /** A folder for the adapter if the disk of the output folder is full. */
  readonly rescue?: string | undefined;
  readonly view: RunView;
  /** Receives every step, evaluation and event, after the run's files. */
  readonly listener?: RunListener;
  /** Called when its port is open, before the data is read. */
  readonly onListening?: (address: Address) => void;
  /** Called when the output folder exists. */
  readonly onFolder: () => void;
  readonly logger: Logger;
  readonly clock: Clock;
  /** As in `PrepareOptions`. */
  readonly learningRate?: ((step: StepNumber) => number) | undefined;
  /**
   * The step after which the run ends, once it is evaluated, as if it had been stopped. Default: the last one.
   * @param totalSteps of the whole run
   */
  readonly stopAfter?: ((totalSteps: number) => number) | undefined;
  /**
   * Another server that passes workers and their calls to this run. When the run ends, in whatever way, workers are told
   * to return to that server.
   */
  readonly gateway?: WorkerGateway | undefined;
  /** A worker reports an error and leaves. The run continues without it unless the caller decides otherwise. */
  readonly onWorkerFailure?: (worker: string, error: CoxswainError) => void;
}

/** A server that several runs share. */
export interface WorkerGateway {
  /**
   * From now on, workers may be passed to the run.
   * @param runId names the run in the metadata of calls
   * @returns what ends that, and the streams of workers that are still open
   */
  open(runId: string, handlers: CoordinatorHandlers): { close(): void };
}

export interface RunParts {
  readonly run: PreparedRun;
  /** Data sets of the hub that were read. */
  readonly datasets: readonly RecordedDataset[];
  /** Identifies the run and the start of its coordinator. */
  readonly runId: string;
  /** Identifies the run across restarts of its coordinator. */
  readonly runDigest: string;
  /** What was done before the coordinator was restarted. */
  readonly record: RunRecord;
  /** Workers that may have a later state than the checkpoint's. */
  readonly survivors: number;
  readonly checkpoint: SavedCheckpoint | undefined;
  readonly files: RunFiles;
  /** The data of the live page; undefined if nothing is served. */
  readonly liveRecord: LiveRecord | undefined;
  readonly metrics: CoordinatorMetrics;
  /** TensorBoard's files, and the user's command. */
  readonly exporters: Exporters;
  /** Undefined if the run does not use it. */
  readonly reporter: RunReporter | undefined;
  /** Where it listens. */
  readonly listeners: Listeners;
}

/** Average tokens per shard, without padding. */
export const tokensPerShard = ({ train, config }: PreparedRun): number =>
  (train.statistics.tokens / train.rowCount) * config.training.micro_batch_size;
