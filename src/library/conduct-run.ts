/**
 * Executes a run on this machine: its coordinator, its local workers, its logs, and the handle with which a program
 * follows and controls it. Closes everything when the run is over. Prints nothing and installs no signal handlers.
 */
import { once } from "node:events";
import { join, resolve } from "node:path";
import { detach } from "../async/index.js";
import { systemClock } from "../clock.js";
import { formatAddress } from "../config/index.js";
import type { LoadedRun, RunConfig } from "../config/index.js";
import { addressKeys, startCoordinator } from "../coordinator/index.js";
import type { FinishedRun, RunningCoordinator } from "../coordinator/index.js";
import { sourceLines, splitNote } from "../data/index.js";
import type { DataStatistics } from "../data/index.js";
import { CoxswainError, isPermanent } from "../errors.js";
import type { LocalWorkers } from "../local-workers/index.js";
import { createLogger, LogFile } from "../telemetry/index.js";
import type { RunView } from "../telemetry/index.js";
import { contained } from "./callbacks.js";
import { aborted, asCoxswainError, throwIfAborted } from "./errors.js";
import { interrupted } from "./open-run.js";
import type { OpenRun, OpenRunOptions } from "./open-run.js";
import { RunFeed } from "./run-feed.js";
import { startRunWorkers } from "./run-workers.js";
import type { WorkersOf } from "./run-workers.js";
import type { TrainResult } from "./run.js";

const nobody: RunView = { step: () => undefined, note: () => undefined, waiting: () => undefined };

/**
 * Resolves once the run has started: the coordinator listens, and local workers are being started.
 * @throws CoxswainError if the run is invalid, or "interrupted" if the signal is aborted before that
 */
export async function conductRun({ config, isGiven }: LoadedRun, options: OpenRunOptions): Promise<OpenRun> {
  const { signal, stay = false, pool } = options;
  throwIfAborted("the run", signal);
  const localWorkers = pool === undefined ? options.localWorkers && config.workers > 0 : pool.isLocal;
  // Opened once the output folder exists: a failed start does not create it.
  const file = new LogFile(join(config.output_dir, "logs", "coordinator.log"));
  const log = createLogger({ name: "coordinator", destination: file });
  const feed = new RunFeed();
  let coordinator: RunningCoordinator | undefined;
  let thrown: CoxswainError | undefined;
  // What the caller's function throws ends the run.
  const onThrow = (error: CoxswainError): void => {
    thrown ??= error;
    coordinator?.fail(error);
  };
  const checkStart = (): void => {
    throwIfAborted("the run", signal);
    if (thrown !== undefined) throw thrown;
  };
  const view = containedView(options.view ?? nobody, onThrow, () => {
    if (coordinator === undefined) checkStart();
  });
  let workers: LocalWorkers | undefined;
  const closeAll = async (): Promise<void> => {
    feed.end();
    await coordinator?.close();
    await workers?.close(0);
    log.close();
    file.close();
  };
  try {
    coordinator = await startCoordinator(config, {
      resume: options.resume === true,
      localWorkers,
      insecure: options.insecure === true,
      defaults: options.defaults ?? new Set(addressKeys.filter((key) => !isGiven(key))),
      rescue: options.rescue === undefined ? undefined : resolve(options.rescue),
      view,
      listener: feed,
      logger: log.logger,
      onFolder: () => file.open(),
      onListening: contained("onListening", (address) => options.onListening?.(address), onThrow),
      clock: systemClock,
      learningRate: options.learningRate,
      stopAfter: options.stopAfter,
      gateway: pool?.gateway,
      // A permanent error would stop every other worker as well.
      onWorkerFailure: (_, error) => {
        if (localWorkers && isPermanent(error.code)) coordinator?.fail(error);
      },
    });
    checkStart();
    view.note(describe(config, coordinator));
    if (localWorkers && pool === undefined)
      workers = await startRunWorkers(config, reportsOf(coordinator), (text) => view.note(text));
  } catch (error) {
    await closeAll();
    throw asCoxswainError(error);
  }
  return conduct(coordinator, { ...options, view, stay, workers, feed, closeAll });
}

const reportsOf = (coordinator: RunningCoordinator): WorkersOf => ({
  address: coordinator.address,
  committed: () => coordinator.prepared.replica.step,
  isEnding: () => coordinator.isEnding(),
  onFailure: (error) => coordinator.fail(error),
});

/** @param onWaiting is called besides, often while the run is being started: what it throws ends that */
function containedView(view: RunView, onThrow: (error: CoxswainError) => void, onWaiting: () => void): RunView {
  const waiting = contained("view.waiting", (reason: string | undefined) => view.waiting(reason), onThrow);
  return {
    step: contained("view.step", (step, logged) => view.step(step, logged), onThrow),
    note: contained("view.note", (text) => view.note(text), onThrow),
    waiting: (reason) => {
      waiting(reason);
      onWaiting();
    },
  };
}

interface RunParts extends OpenRunOptions {
  readonly view: RunView;
  readonly stay: boolean;
  readonly workers: LocalWorkers | undefined;
  readonly feed: RunFeed;
  readonly closeAll: () => Promise<void>;
}

/** Waits for the end of a started run in the background, and closes everything then. */
function conduct(coordinator: RunningCoordinator, parts: RunParts): OpenRun {
  const { signal, stay, workers, feed, closeAll, onOver } = parts;
  const leaving = new AbortController();
  let over = false;
  const interrupt = (): void => {
    if (over) leaving.abort();
    else coordinator.stop(interrupted, stay);
  };
  const linger = async (finished: FinishedRun): Promise<void> => {
    if (stay && signal?.aborted !== true && !leaving.signal.aborted && finished.outcome.kind !== "failed") {
      onOver?.(finished, "stay");
      await once(leaving.signal, "abort");
      return;
    }
    const lastScrape = coordinator.lastScrape(leaving.signal);
    onOver?.(finished, lastScrape === undefined ? undefined : "scrape");
    await Promise.all([lastScrape, workers?.close()]);
  };
  const conclude = async (): Promise<FinishedRun> => {
    try {
      const finished = await coordinator.done;
      over = true;
      feed.end();
      await linger(finished);
      return finished;
    } finally {
      over = true;
      signal?.removeEventListener("abort", interrupt);
      await closeAll();
    }
  };
  signal?.addEventListener("abort", interrupt);
  if (signal?.aborted === true) interrupt();
  const finished = conclude();
  const result = (stay ? coordinator.done : finished).then(
    (end) => resultOf(end, signal),
    (error: unknown) => Promise.reject(asCoxswainError(error)),
  );
  // A result that nobody awaits must not end the process when it rejects.
  detach(result, () => undefined);
  detach(finished, () => undefined);
  const { control, address } = coordinator;
  return {
    finished,
    workerPids: () => workers?.pids ?? [],
    run: {
      config: coordinator.prepared.config,
      address: formatAddress(address),
      metricsAddress: coordinator.telemetry,
      steps: feed.steps,
      events: feed.events,
      result,
      status: () => control.status(),
      pause: (by) => control.pause(by),
      resume: (by) => control.resume(by),
      checkpoint: () => control.checkpoint(),
      stop: (reason = "stopped") => control.stop(reason),
      close: async () => {
        interrupt();
        leaving.abort();
        await finished.catch(() => undefined);
      },
    },
  };
}

/** @throws CoxswainError if the run is not complete */
function resultOf(
  { outcome, adapter, step, best, stoppedEarly, lossWarning }: FinishedRun,
  signal: AbortSignal | undefined,
): TrainResult {
  switch (outcome.kind) {
    case "completed":
      if (adapter === undefined) throw new CoxswainError("bug", "the run is complete, but there is no adapter");
      return {
        adapter,
        steps: step,
        warning: lossWarning,
        ...(best === undefined ? {} : { best, stoppedEarly }),
      };
    case "stopped": {
      const where = step === 0 ? "before its first step: nothing is saved" : `after step ${step}, which is saved`;
      const { reason } = outcome;
      const cause = reason === interrupted && signal?.aborted === true ? aborted("the run", signal).cause : undefined;
      throw new CoxswainError("interrupted", `the run ended ${where} (${reason})`, {
        hint: step === 0 ? "Train it again." : "To continue, train it again with resume: true.",
        cause,
      });
    }
    case "failed":
      throw asCoxswainError(outcome.error);
  }
}

const skippedWords = ({ skipped }: DataStatistics): string =>
  skipped === undefined ? "" : ` (${skipped.count} more skipped: events.jsonl lists them)`;

/** What each source contributes, and what the run is evaluated on. */
function dataLines({ train, evaluation }: RunningCoordinator["prepared"]): readonly string[] {
  const sourcesOf = ({ sources = [] }: DataStatistics): readonly string[] =>
    sourceLines(sources).map((line) => `  ${line}`);
  if (evaluation === undefined) return sourcesOf(train.statistics);
  const { statistics } = evaluation;
  const what = `evaluation on ${statistics.examples} ${statistics.examples === 1 ? "example" : "examples"}`;
  return [...sourcesOf(train.statistics), what, ...sourcesOf(statistics)];
}

function describe(config: RunConfig, { prepared, address, telemetry }: RunningCoordinator): string {
  const { plan, layout, train, replica } = prepared;
  const { global_batch_size: rows, micro_batch_size: micro } = config.training;
  const lines = [
    `model ${config.model}: ${prepared.targets.length} modules adapted, ${layout.size.toLocaleString("en")} parameters trained`,
    `data ${train.statistics.examples} examples${skippedWords(train.statistics)} in ${train.rowCount} rows, ${plan.totalSteps} steps of ${rows} rows in shards of ${micro}`,
    ...dataLines(prepared),
    `listening on ${formatAddress(address)}${telemetry === undefined ? "" : `, metrics on http://${telemetry}/metrics, live page on http://${telemetry}/`}`,
  ];
  const split = splitNote(train.statistics);
  if (split !== null) lines.splice(2, 0, `data ${split}`);
  if (replica.step > 0) lines.push(`continuing after step ${replica.step}`);
  return lines.join("\n");
}
