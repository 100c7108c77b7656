/** A coordinator from start to end: prepares the run, listens, conducts, writes what is left behind. */
import { randomBytes } from "node:crypto";
import { stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import {
  formatAddress,
  loraSettings,
  parseAddress,
  refuseExposure,
  serializeRun,
  withoutSecrets,
} from "../config/index.js";
import type { Address, RunConfig } from "../config/index.js";
import { controlFile, controlHandlers, controlName, controlService } from "../control/index.js";
import type { RunControl } from "../control/index.js";
import type { CoxswainError } from "../errors.js";
import { writeAdapter } from "../model/index.js";
import { clipCoefficient } from "../optim/index.js";
import { coordinatorService, largestWorkerMessage, listen, protocolFile, serverCredentials } from "../rpc/index.js";
import type { RunningServer } from "../rpc/index.js";
import { isRunning } from "../processes.js";
import type { LiveRecord } from "../live-page/index.js";
import { withRunLock } from "../run-lock.js";
import type { RunLock } from "../run-lock.js";
import { openRunFiles, readRunRecord } from "../telemetry/index.js";
import type { CoordinatorMetrics, Logger, RunFiles, RunRecord } from "../telemetry/index.js";
import { openReporter } from "./reporting.js";
import type { RunReporter } from "./reporting.js";
import { reducersRule } from "./all-reduce.js";
import { EngineRule } from "./engine-rule.js";
import { checkpointWriter } from "./checkpoint-writer.js";
import { Conductor } from "./conductor.js";
import { createRunControl } from "./control.js";
import { shardCount } from "./leases.js";
import type { LeaseSources } from "./leases.js";
import { ClusterMachine } from "./machine/index.js";
import type { MachineSettings, Outcome } from "./machine/index.js";
import { prepareRun } from "./prepare.js";
import { runDigest } from "./run-digest.js";
import { withThreads } from "./threads.js";
import type { PreparedRun } from "./prepare.js";
import { RunRecorder } from "./recorder.js";
import type { RunView } from "./recorder.js";
import type { SavedCheckpoint } from "./saves.js";
import { coordinatorHandlers, tokenRefusal } from "./service.js";
import type { WorkerSession } from "./session.js";
import { openLiveRecord, runMetrics, serveRun } from "./telemetry.js";
import type { RunTelemetry } from "./telemetry.js";

export interface CoordinatorOptions {
  readonly resume: boolean;
  /** As in `PrepareOptions`. */
  readonly localWorkers?: boolean;
  /** Listen beyond loopback without TLS or a token. */
  readonly insecure: boolean;
  readonly view: RunView;
  readonly logger: Logger;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** A worker says that it cannot go on. The run goes on without it unless the caller decides otherwise. */
  readonly onWorkerFailure?: (worker: string, error: CoxswainError) => void;
}

export interface FinishedRun {
  readonly outcome: Outcome;
  /** The adapter's folder, where the run is complete. */
  readonly adapter: string | undefined;
  /** The newest step that was committed. */
  readonly step: number;
}

export interface RunningCoordinator {
  /** Where workers reach it. */
  readonly address: Address;
  /** Where metrics are served, if they are. */
  readonly telemetry: string | undefined;
  readonly prepared: PreparedRun;
  /** What can be asked of the run while it runs. */
  readonly control: RunControl;
  /** Settles when the run is over and everything is on disk. */
  readonly done: Promise<FinishedRun>;
  /** Finish the step in flight, save, end. @param returning it is started again: workers are to wait for that */
  stop(reason: string, returning: boolean): void;
  /** End without another step, keeping the last good state. */
  fail(error: CoxswainError): void;
  /**
   * After the end, where somebody scrapes the metrics regularly: resolves when they have seen it, are late, or the signal
   * aborts. Undefined where nobody does.
   */
  lastScrape(signal: AbortSignal): Promise<void> | undefined;
  close(): Promise<void>;
}

/** How long a restarted coordinator waits for the workers of its last step: they try again every few seconds, ms. */
const recoveryTimeout = 30_000;

/**
 * @throws CoxswainError for anything wrong with the run file, data, model, checkpoint or addresses, or where another
 *   coordinator holds the output folder
 */
export const startCoordinator = (asked: RunConfig, options: CoordinatorOptions): Promise<RunningCoordinator> =>
  withRunLock(asked.output_dir, (lock) => start(asked, options, lock));

async function start(asked: RunConfig, options: CoordinatorOptions, lock: RunLock): Promise<RunningCoordinator> {
  const config = await withThreads(asked, options.resume);
  const address = parseAddress(config.cluster.listen, { name: "cluster.listen", allowPortZero: true });
  const { tls, token } = config.cluster;
  const { insecure, view, logger } = options;
  refuseExposure({ listen: address, tls: tls !== null, token: token !== null, insecure }, "cluster.listen");
  // Before anything dear: a folder that holds a run is not written over.
  if (!options.resume) openRunFiles(config.output_dir).close();
  const run = await prepareRun(config, {
    resume: options.resume,
    localWorkers: options.localWorkers,
    note: (text) => view.note(text),
    progress: (text) => view.waiting(text),
  });
  const record = readRunRecord(config.output_dir);
  const survivors = options.resume ? survivorsOf(record).length : 0;
  // What was recorded after the checkpoint stays until it is known that nobody has it any more.
  const resumeStep = survivors > 0 ? Math.max(record.step, run.replica.step) : run.replica.step;
  const files = openRunFiles(config.output_dir, options.resume ? { resumeStep } : {});
  const runId = randomBytes(12).toString("hex");
  const metrics = runMetrics(config);
  const reporter = await openReporter({ config, runId, metrics, logger, note: (text) => view.note(text) });
  try {
    await writeFile(join(config.output_dir, "run.yaml"), serializeRun(config));
    const parts = {
      run,
      runId,
      runDigest: runDigest(run),
      record,
      survivors,
      checkpoint: await checkpointBefore(run),
      files,
      liveRecord: openLiveRecord(config),
      address,
      metrics,
      reporter,
    };
    const running = await conduct(parts, options);
    lock.announce(formatAddress(running.address));
    return running;
  } catch (error) {
    files.close();
    await reporter?.close();
    logger.error({ error }, "the run did not start");
    throw error;
  }
}

/** The checkpoint that a run goes on from; its folder was last changed when it was written. */
async function checkpointBefore({ checkpoint: path, replica }: PreparedRun): Promise<SavedCheckpoint | undefined> {
  return path === undefined ? undefined : { step: replica.step, path, time: (await stat(path)).mtimeMs };
}

interface Parts {
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
  readonly address: Address;
}

async function conduct(parts: Parts, options: CoordinatorOptions): Promise<RunningCoordinator> {
  const { run, files, liveRecord, metrics, reporter } = parts;
  const recorder = createRecorder(parts, options);
  const conductor = createConductor(parts, recorder, options);
  const watch = watchSurvivors(parts, conductor);
  const control = createRunControl(conductor, recorder.figures, {
    runId: parts.runId,
    runDigest: parts.runDigest,
    outputDir: resolve(run.config.output_dir),
    model: run.config.model,
    totalSteps: run.plan.totalSteps,
    tokensPerShard: tokensPerShard(run),
    startedAt: new Date(),
  });
  let server: RunningServer | undefined;
  let telemetry: RunTelemetry | undefined;
  const close = async (): Promise<void> => {
    clearInterval(watch);
    await telemetry?.close();
    conductor.close();
    await server?.close();
    await reporter?.close();
    files.close();
  };
  try {
    telemetry = await serveRun({
      config: run.config,
      record: liveRecord,
      metrics,
      control,
      // One that is paused takes workers: it is in order.
      ready: () => {
        const { phase, waiting } = conductor.status();
        return phase === "paused" || (waiting ?? true);
      },
      now: options.now,
    });
    server = await startServer(parts, { conductor, recorder, control }, options);
    const address = { host: parts.address.host, port: server.port };
    reporter?.lead(control, address);
    recorder.started(run.replica.step, run.config.model);
    return {
      address,
      telemetry: telemetry?.address,
      prepared: run,
      control,
      done: conductor.done.then((outcome) => conclude(run, outcome)),
      stop: (reason, returning) => conductor.dispatch({ type: "stop", reason, returning }),
      fail: (error) => conductor.dispatch({ type: "fail", error }),
      lastScrape: (signal) => telemetry?.lastScrape(signal),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function createRecorder(
  { run, files, liveRecord, metrics, reporter }: Parts,
  options: CoordinatorOptions,
): RunRecorder {
  const { training } = run.config;
  return new RunRecorder({
    files,
    metrics,
    view: options.view,
    logger: options.logger,
    listeners: [liveRecord, reporter].filter((listener) => listener !== undefined),
    totalSteps: run.plan.totalSteps,
    loggingSteps: training.logging_steps,
    factsOf: (step) => {
      const { rows, epoch } = run.plan.rowsOf(step);
      return { epoch, tokens: rows.reduce((sum, row) => sum + run.train.row(row).inputIds.length, 0) };
    },
    tokensPerShard: tokensPerShard(run),
    wallClock: () => Date.now(),
  });
}

/** On average, without padding. */
const tokensPerShard = ({ train, config }: PreparedRun): number =>
  (train.statistics.tokens / train.rowCount) * config.training.micro_batch_size;

function createConductor(parts: Parts, recorder: RunRecorder, options: CoordinatorOptions): Conductor {
  const { run, record, checkpoint, files } = parts;
  const { training } = run.config;
  const microBatchSize = training.micro_batch_size;
  const evaluationRows = Array.from({ length: run.evaluation?.rowCount ?? 0 }, (_, index) => index);
  const sources: LeaseSources = {
    microBatchSize,
    training: (step) => ({ store: run.train, rows: run.plan.rowsOf(step).rows }),
    evaluation: () => ({ store: run.evaluation ?? run.train, rows: evaluationRows }),
  };
  const machine = new ClusterMachine(
    {
      ...clusterSettings(run, parts),
      saveSteps: training.save_steps,
      evalSteps: training.eval_steps,
      evaluationShards: shardCount(evaluationRows.length, microBatchSize),
      evaluated: (step) => record.evaluated.has(step),
      shardsOf: (step) => shardCount(run.plan.rowsOf(step).rows.length, microBatchSize),
      learningRate: run.learningRate,
      clipCoefficient: (norm) => clipCoefficient(norm, training.max_grad_norm),
    },
    { step: run.replica.step, hash: run.replica.hash(), saved: run.checkpoint !== undefined },
  );
  const save = checkpointWriter(run);
  return new Conductor({
    machine,
    replica: run.replica,
    sources,
    recorder,
    logger: options.logger,
    allReduceDtype: run.config.cluster.all_reduce_dtype,
    onRecovered: (step) => recorder.rewind(step),
    checkpoint,
    save: (state) => {
      // What a checkpoint follows from is on the disk before it.
      files.flush();
      return save(state);
    },
    now: options.now,
    wallClock: () => Date.now(),
  });
}

/** Who must be there, and what to do where a part of the run was done before. */
function clusterSettings(
  run: PreparedRun,
  { survivors }: Parts,
): Pick<
  MachineSettings,
  "totalSteps" | "minWorkers" | "silenceTimeout" | "float16" | "gradientSize" | "reducers" | "recovery"
> {
  const { cluster, compute } = run.config;
  return {
    totalSteps: run.plan.totalSteps,
    minWorkers: cluster.min_workers,
    silenceTimeout: cluster.heartbeat_timeout * 1000,
    float16: compute.dtype === "float16",
    gradientSize: run.layout.size,
    reducers: reducersRule(cluster.all_reduce, run.layout.size),
    ...(survivors > 0
      ? {
          recovery: {
            survivors,
            timeout: Math.min(recoveryTimeout, cluster.reconnect_timeout * 1000),
          },
        }
      : {}),
  };
}

/** Nobody is waited for who died since: the processes of this machine are looked after. */
function watchSurvivors({ survivors, record }: Parts, conductor: Conductor): NodeJS.Timeout | undefined {
  if (survivors === 0) return undefined;
  const watch = setInterval(() => {
    if (conductor.status().phase !== "recovering") clearInterval(watch);
    else conductor.dispatch({ type: "survivors", count: survivorsOf(record).length });
  }, 1_000);
  return watch;
}

/**
 * Those who may have a later state than the checkpoint's: all that took part but the processes of this machine that are
 * gone. Of one on another machine nothing is known.
 */
const survivorsOf = ({ workers }: RunRecord): RunRecord["workers"] =>
  workers.filter(({ host, pid }) => host !== hostname() || isRunning(pid));

async function startServer(
  { run, runId, runDigest, record, metrics, address }: Parts,
  { conductor, recorder, control }: { conductor: Conductor; recorder: RunRecorder; control: RunControl },
  { logger, view, onWorkerFailure }: CoordinatorOptions,
): Promise<RunningServer> {
  const { tls, token } = run.config.cluster;
  const handlers = coordinatorHandlers({
    conductor,
    replica: run.replica,
    runId,
    runConfig: JSON.stringify(withoutSecrets(run.config)),
    model: run.manifest,
    modelPath: run.modelFolder.path,
    layoutFingerprint: run.layoutFingerprint,
    runDigest,
    allReduceDtype: run.config.cluster.all_reduce_dtype,
    silenceTimeout: run.config.cluster.heartbeat_timeout * 1000,
    reach: async (session: WorkerSession) => {
      const problem = await session.reach({ inTheClear: tls === null });
      if (problem !== undefined) recorder.unreachable(session, problem);
    },
    engines: new EngineRule({
      allowMixed: run.config.cluster.allow_mixed_engines,
      // Where nothing was committed, nothing has to be gone on with.
      before: record.step > 0 ? record.computation : undefined,
      onChosen: (computation) => recorder.computedWith(computation),
    }),
    onReady: (session, ready) => recorder.ready(session, ready),
    onSent: (bytes) => metrics.allReduceBytes.add(bytes, { direction: "sent" }),
    onFailure: (session, error) => {
      logger.error({ worker: session.id, error: error.message, hint: error.hint }, "a worker failed");
      view.note(`worker ${session.id} failed: ${error.message}`);
      onWorkerFailure?.(session.id, error);
    },
  });
  return listen({
    ...address,
    credentials: await serverCredentials(tls),
    services: [
      { name: "coxswain.v1.Coordinator", definition: coordinatorService, handlers },
      { name: controlName, definition: controlService, handlers: controlHandlers(control) },
    ],
    token,
    refusal: tokenRefusal,
    largestMessage: largestWorkerMessage,
    addressKey: "cluster.listen",
    reflection: [protocolFile, controlFile],
    onHandled: (method, code) => metrics.grpcHandled.add(1, { method, code }),
  });
}

async function conclude(run: PreparedRun, outcome: Outcome): Promise<FinishedRun> {
  if (outcome.kind !== "completed") return { outcome, adapter: undefined, step: run.replica.step };
  const adapter = join(run.config.output_dir, "adapter");
  const { model, quantization } = run.config;
  await writeAdapter(adapter, run.layout, run.replica.parameters, loraSettings(run.config), model, {}, quantization);
  return { outcome, adapter, step: run.replica.step };
}
