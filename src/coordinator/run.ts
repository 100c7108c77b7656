/** A coordinator from start to end: prepares the run, listens, conducts, writes what is left behind. */
import { randomBytes } from "node:crypto";
import { stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { formatAddress, loraSettings, parseAddress, refuseExposure, serializeRun } from "../config/index.js";
import type { Address, RunConfig } from "../config/index.js";
import type { RunControl } from "../control/index.js";
import type { CoxswainError } from "../errors.js";
import { baseModelRecord, writeAdapter } from "../model/index.js";
import { checkConnections, reportSlowPath } from "../rpc/index.js";
import type { RunningServer } from "../rpc/index.js";
import { withRunLock } from "../run-lock.js";
import type { RunLock } from "../run-lock.js";
import { openRunFiles, readRunRecord } from "../telemetry/index.js";
import { createConductor, createRecorder } from "./assemble.js";
import { createRunControl } from "./control.js";
import type { Outcome } from "./machine/index.js";
import { tokensPerShard } from "./parts.js";
import type { CoordinatorOptions, Parts } from "./parts.js";
import { prepareRun } from "./prepare.js";
import type { PreparedRun } from "./prepare.js";
import { openReporter } from "./reporting.js";
import { runDigest } from "./run-digest.js";
import type { SavedCheckpoint } from "./saves.js";
import { serveWorkers } from "./serve-workers.js";
import { survivorsOf, watchSurvivors } from "./survivors.js";
import { openLiveRecord, runMetrics, serveRun } from "./telemetry.js";
import type { RunTelemetry } from "./telemetry.js";
import { withThreads, withThreadsBefore } from "./threads.js";
import { sameBitsUpTo } from "./column-widths.js";
import { picksCuda } from "../compute/index.js";
import { hostLimits } from "../host/index.js";

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

/**
 * @throws CoxswainError for anything wrong with the run file, data, model, checkpoint or addresses, or where another
 *   coordinator holds the output folder
 */
export const startCoordinator = (asked: RunConfig, options: CoordinatorOptions): Promise<RunningCoordinator> =>
  withRunLock(asked.output_dir, (lock) => start(asked, options, lock));

async function start(asked: RunConfig, options: CoordinatorOptions, lock: RunLock): Promise<RunningCoordinator> {
  const host = hostLimits();
  const started = options.resume ? await withThreadsBefore(asked, host.cores) : asked;
  const address = parseAddress(started.cluster.listen, { name: "cluster.listen", allowPortZero: true });
  const { tls, token } = started.cluster;
  const { insecure, view, logger } = options;
  refuseExposure({ listen: address, tls: tls !== null, token: token !== null, insecure }, "cluster.listen");
  await checkConnections(started.cluster);
  // Before anything dear: a folder that holds a run is not written over.
  if (!options.resume) openRunFiles(started.output_dir).close();
  const prepared = await prepareRun(started, {
    resume: options.resume,
    localWorkers: options.localWorkers,
    note: (text) => view.note(text),
    progress: (text) => view.waiting(text),
  });
  const { config, reason } = withThreads(started, {
    localWorkers: options.localWorkers === true,
    host,
    sameBitsUpTo: () => sameBitsUpTo(prepared),
  });
  if (reason !== undefined && !picksCuda(config.compute)) view.note(reason);
  const run = { ...prepared, config };
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
  const endReport = reportSlowPath({
    count: (direction) => metrics.bulkSlowPath.add(1, { direction }),
    warn: (text) => {
      options.logger.warn(text);
      options.view.note(text);
    },
  });
  let server: RunningServer | undefined;
  let telemetry: RunTelemetry | undefined;
  const close = async (): Promise<void> => {
    clearInterval(watch);
    endReport();
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
    server = await serveWorkers(parts, { conductor, recorder, control }, options);
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

async function conclude(run: PreparedRun, outcome: Outcome): Promise<FinishedRun> {
  if (outcome.kind !== "completed") return { outcome, adapter: undefined, step: run.replica.step };
  const adapter = join(run.config.output_dir, "adapter");
  const { model: baseModel, quantization } = run.config;
  const { parameters } = run.replica;
  await writeAdapter(adapter, {
    layout: run.layout,
    parameters,
    settings: loraSettings(run.config),
    baseModel,
    quantization,
    base: baseModelRecord(baseModel, run.manifest),
    companions: run.inferenceFiles,
  });
  return { outcome, adapter, step: run.replica.step };
}
