/** Runs a coordinator from start to end: prepares the run, listens, conducts it and writes the result. */
import { randomBytes } from "node:crypto";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { picksCuda } from "../compute/index.js";
import { formatAddress, parseAddress, readResolved, refuseExposure, sourcePaths } from "../config/index.js";
import type { Address, RunConfig } from "../config/index.js";
import type { RunControl } from "../control/index.js";
import { checkSources, DatasetVersions, skippedInWords } from "../data/index.js";
import type { CoxswainError } from "../errors.js";
import {
  checkRescueFolder,
  freeSpace,
  holdOutputFolder,
  refuseDataFolder,
  spaceWarning,
  writeResolved,
} from "../output/index.js";
import type { HeldFolder } from "../output/index.js";
import { openExporters } from "../exporters/index.js";
import type { Exporters } from "../exporters/index.js";
import { hostLimits } from "../host/index.js";
import { checkConnections, reportSlowPath } from "../rpc/index.js";
import type { RunningServer } from "../rpc/index.js";
import { openRunFiles, readEvents, readRunRecord } from "../telemetry/index.js";
import { createConductor, createRecorder } from "./assemble.js";
import { sameBitsUpTo } from "./prepare/column-widths.js";
import { listCheckpoints } from "./checkpoints/folder.js";
import { conclude } from "./conclude.js";
import type { FinishedRun } from "./conclude.js";
import { createRunControl } from "./control.js";
import { tokensPerShard } from "./run-parts.js";
import type { CoordinatorOptions, RunParts } from "./run-parts.js";
import { prepareRun } from "./prepare/prepare.js";
import type { PreparedRun } from "./prepare/prepare.js";
import { recordedDatasets } from "./record/recorded-datasets.js";
import { openListeners } from "./service/listeners.js";
import { openReporter } from "./record/reporting.js";
import type { RunRecorder } from "./record/recorder.js";
import type { RunReporter } from "./record/reporting.js";
import { runDigest } from "./prepare/run-digest.js";
import type { SavedCheckpoint } from "./checkpoints/checkpointer.js";
import { serveWorkers } from "./service/serve-workers.js";
import { checkWorkers } from "./prepare/sizes.js";
import { survivorsOf, watchSurvivors } from "./prepare/survivors.js";
import { openLiveRecord, runMetrics } from "./record/telemetry.js";
import { withThreads, withThreadsBefore } from "./prepare/threads.js";

export interface RunningCoordinator {
  /** Where workers reach it. */
  readonly address: Address;
  /** Where metrics are served, if they are. */
  readonly telemetry: string | undefined;
  readonly prepared: PreparedRun;
  /** Controls the run. */
  readonly control: RunControl;
  /** Settles when the run is over and everything is on disk. */
  readonly done: Promise<FinishedRun>;
  /** Finishes the step in flight, saves and ends. @param returning it will be restarted, and workers wait for that */
  stop(reason: string, returning: boolean): void;
  /** Whether no further step begins: the run was stopped or failed, or all steps are done. */
  isEnding(): boolean;
  /** Ends the run without another step, keeping the last good state. */
  fail(error: CoxswainError): void;
  /**
   * After the end, if a monitor scrapes the metrics regularly: resolves after its next scrape, when that is overdue, or
   * when the signal is aborted. Undefined if there is no such monitor.
   */
  lastScrape(signal: AbortSignal): Promise<void> | undefined;
  close(): Promise<void>;
}

/**
 * Cheap checks come first, ports before data; the output folder is created last, so that a failed start leaves nothing.
 * @throws CoxswainError if the run file, data, model, checkpoint or addresses are invalid, or another coordinator holds
 *   the output folder
 */
export async function startCoordinator(asked: RunConfig, options: CoordinatorOptions): Promise<RunningCoordinator> {
  refuseDataFolder(asked.output_dir, { train: sourcePaths(asked.data.train), eval: sourcePaths(asked.data.eval) });
  const folder = holdOutputFolder(asked.output_dir, options);
  try {
    const running = await start(asked, options, folder);
    folder.announce(formatAddress(running.address));
    return { ...running, close: () => running.close().finally(() => folder.release()) };
  } catch (error) {
    folder.release({ failed: true });
    throw error;
  }
}

async function start(asked: RunConfig, options: CoordinatorOptions, folder: HeldFolder): Promise<RunningCoordinator> {
  const before = options.resume ? await readResolved(asked.output_dir) : undefined;
  const host = hostLimits();
  const wanted = options.resume ? withThreadsBefore(asked, before, host.cores) : asked;
  const address = parseAddress(wanted.cluster.listen, { name: "cluster.listen", allowPortZero: true });
  const { tls, token } = wanted.cluster;
  const { insecure, view, logger, defaults } = options;
  const note = (text: string): void => view.note(text);
  refuseExposure({ listen: address, tls: tls !== null, token: token !== null, insecure }, "cluster.listen");
  await checkConnections(wanted.cluster);
  if (options.localWorkers === true) checkWorkers({ memory: host.memory, workers: wanted.workers });
  if (options.rescue !== undefined) checkRescueFolder(options.rescue);
  const datasets = new DatasetVersions({
    recorded: options.resume ? recordedDatasets(readEvents(asked.output_dir)) : [],
    onProgress: (text) => view.waiting(text),
    onNote: note,
  });
  await checkSources(wanted, { datasets });
  const metrics = runMetrics(wanted);
  const listeners = await openListeners(wanted, { metrics, defaults, before, note });
  options.onListening?.({ host: listeners.workers.host, port: listeners.workers.port });
  const runId = randomBytes(12).toString("hex");
  let reporter: RunReporter | undefined;
  try {
    const prepared = await prepareRun(listeners.config, {
      now: () => new Date(options.clock.wallClock()),
      resume: options.resume,
      before,
      localWorkers: options.localWorkers,
      learningRate: options.learningRate,
      datasets,
      note,
      progress: (text) => view.waiting(text),
    });
    const { config, reason } = withThreads(listeners.config, {
      localWorkers: options.localWorkers === true,
      host,
      sameBitsUpTo: () => sameBitsUpTo(prepared),
    });
    if (reason !== undefined && !picksCuda(config.compute)) note(reason);
    const run = { ...prepared, config };
    reporter = await openReporter({ config, runId, metrics, logger, note });
    const short = await shortOfSpace(run);
    if (short !== undefined) note(short);
    folder.make();
    options.onFolder();
    const record = readRunRecord(config.output_dir);
    // Behind a gateway, they may be computing another run by now.
    const waits = options.resume && options.gateway === undefined;
    const survivors = waits ? survivorsOf(record).length : 0;
    // Records after the checkpoint are kept until it is known that no worker has those steps.
    const resumeStep = survivors > 0 ? Math.max(record.step, run.replica.step) : run.replica.step;
    const files = openRunFiles(config.output_dir, {
      ...(options.resume ? { resumeStep } : {}),
      onFull: ({ message }) => {
        logger.warn(message);
        note(
          `warning: ${message}; training continues, and lines that cannot be written are kept in memory until there is space`,
        );
      },
    });
    let exporters: Exporters | undefined;
    try {
      writeResolved(config);
      exporters = await openExporters(config, resumeStep, options.clock);
      const parts = {
        run,
        datasets: await datasets.read(),
        runId,
        runDigest: runDigest(run),
        record,
        survivors,
        checkpoint: await checkpointBefore(run),
        files,
        liveRecord: openLiveRecord(config),
        exporters,
        listeners,
        metrics,
        reporter,
      };
      return await conduct(parts, options);
    } catch (error) {
      await exporters?.close();
      files.close();
      throw error;
    }
  } catch (error) {
    await listeners.close();
    await reporter?.close();
    logger.error({ error }, "the run did not start");
    throw error;
  }
}

/** The warning if the disk has too little space for what the run writes. */
async function shortOfSpace({ config, layout, plan, replica }: PreparedRun): Promise<string | undefined> {
  const { output_dir: outputDir, training } = config;
  const free = freeSpace(outputDir);
  if (free === undefined) return undefined;
  const planned = {
    parameters: layout.size,
    steps: plan.totalSteps - replica.step,
    saveSteps: training.save_steps,
    keep: training.save_total_limit,
    present: (await listCheckpoints(outputDir)).length,
  };
  return spaceWarning(outputDir, planned, free);
}

/** The checkpoint that a run continues from; the time is the modification time of its folder. */
async function checkpointBefore({ checkpoint: path, replica }: PreparedRun): Promise<SavedCheckpoint | undefined> {
  return path === undefined ? undefined : { step: replica.step, path, time: (await stat(path)).mtimeMs };
}

async function conduct(parts: RunParts, options: CoordinatorOptions): Promise<RunningCoordinator> {
  const { run, files, liveRecord, listeners, reporter, exporters } = parts;
  const { clock } = options;
  const startStep = run.replica.step;
  const recorder = createRecorder(parts, options, (error) => conductor.dispatch({ type: "fail", error }));
  const conductor = createConductor(parts, recorder, options);
  const watch = watchSurvivors(parts, conductor, clock);
  const control = createRunControl(conductor, recorder.figures, {
    runId: parts.runId,
    runDigest: parts.runDigest,
    outputDir: resolve(run.config.output_dir),
    model: run.config.model,
    totalSteps: run.plan.totalSteps,
    bestMetric: run.config.training.metric_for_best_model,
    tokensPerShard: tokensPerShard(run),
    startedAt: new Date(clock.wallClock()),
  });
  const { telemetry } = listeners;
  const endReport = reportSlowPath({
    count: (direction) => parts.metrics.bulkSlowPath.add(1, { direction }),
    warn: (text) => {
      options.logger.warn(text);
      options.view.note(text);
    },
  });
  let server: RunningServer | undefined;
  const close = async (): Promise<void> => {
    watch?.cancel();
    endReport();
    await telemetry?.close();
    conductor.close();
    await server?.close();
    await reporter?.close();
    await exporters.close();
    files.close();
  };
  try {
    if (telemetry !== undefined && liveRecord !== undefined)
      telemetry.begin({
        record: liveRecord,
        control,
        // A paused run accepts workers, so it is ready.
        ready: () => {
          const { phase, waiting } = conductor.status();
          return phase === "paused" || (waiting ?? true);
        },
        now: () => clock.now(),
      });
    server = await serveWorkers(parts, { conductor, recorder, control }, options);
    const address = { host: listeners.workers.host, port: server.port };
    reporter?.lead(control, address);
    recorder.started(run.replica.step, run.config.model);
    exporters.begin((trouble) => recorder.exporterFailed(trouble));
    for (const dataset of parts.datasets) recorder.datasetRead(dataset);
    recordSkipped(run, recorder);
    return {
      address,
      telemetry: telemetry?.address,
      prepared: run,
      control,
      done: conductor.done.then(async (outcome) => {
        const finished = await conclude(run, outcome, {
          checkpoint: conductor.newestCheckpoint,
          rescue: options.rescue,
          best: conductor.status().best,
          completeBefore: run.replica.step === startStep,
          unwritten: () => files.unwritten(),
        });
        await exporters.close();
        return finished;
      }),
      stop: (reason, returning) => conductor.dispatch({ type: "stop", reason, returning }),
      isEnding: () => {
        const { phase } = conductor.status();
        return phase === "stopping" || phase === "ended" || conductor.farewell !== undefined;
      },
      fail: (error) => conductor.dispatch({ type: "fail", error }),
      lastScrape: (signal) => telemetry?.lastScrape(signal),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Records which bad examples were skipped when the data was read. */
function recordSkipped({ train, evaluation }: PreparedRun, recorder: RunRecorder): void {
  const skipped = [train.statistics.skipped, evaluation?.statistics.skipped].map(
    (one) => one ?? { count: 0, first: [] },
  );
  const [ofTrain = 0, ofEval = 0] = skipped.map(({ count }) => count);
  if (ofTrain + ofEval === 0) return;
  const listed = skipped.flatMap(({ first }) => first).map(skippedInWords);
  recorder.examplesSkipped({ train: ofTrain, eval: ofEval }, listed);
}
