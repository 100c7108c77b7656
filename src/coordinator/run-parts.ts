/** What one life of a coordinator is made of, once the run is prepared and its files are open; and what its caller brings. */
import type { Clock } from "../clock.js";
import type { Address } from "../config/index.js";
import type { CoxswainError } from "../errors.js";
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
  /** Addresses that nobody chose: beside another run of this machine, this one takes others. */
  readonly defaults: ReadonlySet<AddressKey>;
  /** A folder for the adapter, where the output folder's disk has no room for it. */
  readonly rescue?: string | undefined;
  readonly view: RunView;
  /** Is told every step, evaluation and event, after the run's files. */
  readonly listener?: RunListener;
  /** Its port is taken; the data are not read yet. */
  readonly onListening?: (address: Address) => void;
  /** The output folder is there now. */
  readonly onFolder: () => void;
  readonly logger: Logger;
  readonly clock: Clock;
  /** A worker says that it cannot go on. The run goes on without it unless the caller decides otherwise. */
  readonly onWorkerFailure?: (worker: string, error: CoxswainError) => void;
}

export interface RunParts {
  readonly run: PreparedRun;
  /** Which run, and which life of its coordinator. */
  readonly runId: string;
  /** Names the run through all lives of its coordinator. */
  readonly runDigest: string;
  /** What was done before this life of the coordinator. */
  readonly record: RunRecord;
  /** Workers that may have a later state than the checkpoint's. */
  readonly survivors: number;
  readonly checkpoint: SavedCheckpoint | undefined;
  readonly files: RunFiles;
  /** What the live page shows of it; undefined where nothing is served. */
  readonly liveRecord: LiveRecord | undefined;
  readonly metrics: CoordinatorMetrics;
  /** Undefined where the run asks for none. */
  readonly reporter: RunReporter | undefined;
  /** Where it listens. */
  readonly listeners: Listeners;
}

/** Tokens of a shard, on average, without padding. */
export const tokensPerShard = ({ train, config }: PreparedRun): number =>
  (train.statistics.tokens / train.rowCount) * config.training.micro_batch_size;
