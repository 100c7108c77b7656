/**
 * A run from start to end on this machine: its coordinator, local workers, what is shown of it, and Ctrl-C and its
 * like, which stop it after the step in flight. Says nothing of how it ended; that is its caller's.
 */
import { once } from "node:events";
import { hostname } from "node:os";
import { join } from "node:path";
import { detach } from "../../async/index.js";
import { systemClock } from "../../clock.js";
import { picksCuda, visibleGpus, visibleVariable } from "../../compute/index.js";
import { formatAddress, reachableHost } from "../../config/index.js";
import type { Address, RunConfig } from "../../config/index.js";
import { startCoordinator } from "../../coordinator/index.js";
import type { AddressKey, FinishedRun, RunningCoordinator } from "../../coordinator/index.js";
import { runFacts, startLocalWorkers } from "../../local-workers/index.js";
import type { LocalWorkers } from "../../local-workers/index.js";
import { isPermanent } from "../../errors.js";
import { createLogger, LogFile } from "../../telemetry/index.js";
import { onInterruption } from "../process/interruption.js";
import type { Interruption } from "../process/interruption.js";
import { leaveNow } from "./leave-now.js";
import { missingWorkers, type WorkersAsked } from "./missing-workers.js";
import type { OutputName } from "../process/output-loss.js";
import { createProgress } from "../terminal/progress.js";
import { sayTo } from "../terminal/say.js";
import { thisProgram } from "../process/this-program.js";

export interface ConductOptions {
  readonly resume: boolean;
  readonly insecure: boolean;
  readonly localWorkers: boolean;
  /**
   * Something starts this again when it ends: once the run is over, serve its metrics until SIGTERM; on a SIGTERM before
   * that, let workers wait for the next one.
   */
  readonly stay?: boolean;
  /** As in `CoordinatorOptions`. */
  readonly defaults: ReadonlySet<AddressKey>;
  /** As in `CoordinatorOptions`. */
  readonly rescue?: string | undefined;
}

/** Why a run ends that was stopped by a signal, or for want of an output. */
export const interrupted = "interrupted";

export interface ConductedRun extends FinishedRun {
  /** What asked it to end, as of `Interrupt`. */
  readonly cause: string | undefined;
  /** An output that can still be written; undefined where none can. */
  readonly output: OutputName | undefined;
}

/** @throws what `startCoordinator` throws; how a run that was started ends is in what is returned */
export async function conductRun(config: RunConfig, options: ConductOptions): Promise<ConductedRun> {
  const localWorkers = options.localWorkers && config.workers > 0;
  const view = createProgress({ stream: process.stdout });
  // Opened with the output folder, which a start that fails does not make.
  const file = new LogFile(join(config.output_dir, "logs", "coordinator.log"));
  const log = createLogger({ name: "coordinator", destination: file });
  let coordinator: RunningCoordinator | undefined;
  let workers: LocalWorkers | undefined;
  let over = false;
  const leaving = new AbortController();
  const interruption = onInterruption(({ times, cause }) => {
    if (over) return leaving.abort();
    const say = sayTo(() => outputOf(interruption));
    const immediately = coordinator === undefined || times > 1;
    // What is written after a loss is lost as well.
    if (immediately || interruption.lost("stdout")) view.close();
    if (immediately) {
      detach(leaveNow({ times, cause, pids: workers?.pids ?? [], config, say }), () => process.exit(130));
      return;
    }
    const text = `${cause}: this step is finished and saved first (Ctrl-C again stops immediately)`;
    if (interruption.lost("stdout")) say(text);
    else view.note(text);
    coordinator?.stop(interrupted, options.stay === true);
  });
  const noteMissing = (address: Address): void => {
    const missing = missingWorkers(workersAsked(config, localWorkers, address));
    if (missing !== undefined) view.note(missing);
  };
  try {
    coordinator = await startCoordinator(config, {
      resume: options.resume,
      localWorkers,
      insecure: options.insecure,
      defaults: options.defaults,
      rescue: options.rescue,
      view,
      logger: log.logger,
      onFolder: () => file.open(),
      // Reading the data may take minutes, after which nobody looks.
      onListening: noteMissing,
      clock: systemClock,
      // What is wrong with the run itself stops every other worker as well.
      onWorkerFailure: (_, error) => {
        if (localWorkers && isPermanent(error.code)) coordinator?.fail(error);
      },
    });
    view.note(describe(config, coordinator));
    if (localWorkers) {
      const gpus = await localGpus(config);
      if (gpus.length > 0) view.note(`local workers compute on GPUs ${gpus.join(", ")}`);
      workers = startWorkers(config, coordinator, gpus, (text) => view.note(text));
    }
    const finished = await coordinator.done;
    over = true;
    if (options.stay === true && interruption.times === 0 && finished.outcome.kind !== "failed") {
      view.note(`${ending(finished)}; this stays until SIGTERM`);
      await once(leaving.signal, "abort");
    } else {
      const lastScrape = coordinator.lastScrape(leaving.signal);
      if (lastScrape !== undefined)
        view.note(`${ending(finished)}; /metrics stays for one more scrape (Ctrl-C ends at once)`);
      await Promise.all([lastScrape, workers?.close()]);
    }
    await coordinator.close();
    view.close();
    return { ...finished, cause: interruption.cause, output: outputOf(interruption) };
  } finally {
    interruption.close();
    view.close();
    await coordinator?.close();
    await workers?.close(0);
    log.close();
    file.close();
  }
}

/** The GPU of each local worker, in turn; none where there are not several, or the run computes on something else. */
async function localGpus({ compute, workers }: RunConfig): Promise<readonly string[]> {
  const gpus = picksCuda(compute) ? await visibleGpus() : [];
  return gpus.length < 2 ? [] : Array.from({ length: workers }, (_, index) => gpus[index % gpus.length] ?? "");
}

function startWorkers(
  config: RunConfig,
  coordinator: RunningCoordinator,
  gpus: readonly string[],
  note: (text: string) => void,
): LocalWorkers {
  const { tls, token } = config.cluster;
  return startLocalWorkers({
    count: config.workers,
    coordinator: formatAddress({ ...coordinator.address, host: reachableHost(coordinator.address.host) }),
    token,
    args:
      tls === null
        ? []
        : ["--tls-ca", tls.ca ?? tls.cert, ...(tls.ca === null ? [] : ["--tls-cert", tls.cert, "--tls-key", tls.key])],
    environments: gpus.map((gpu) => ({ [visibleVariable]: gpu })),
    logFolder: join(config.output_dir, "logs"),
    committed: () => coordinator.prepared.replica.step,
    isEnding: () => coordinator.isEnding(),
    run: runFacts(config),
    note,
    onFailure: (error) => coordinator.fail(error),
  });
}

const workersAsked = ({ cluster, workers }: RunConfig, localWorkers: boolean, address: Address): WorkersAsked => ({
  started: localWorkers ? workers : 0,
  needed: cluster.min_workers,
  address,
  host: hostname(),
  program: thisProgram(),
  token: cluster.token !== null,
  tls: cluster.tls !== null,
});

function describe(config: RunConfig, { prepared, address, telemetry }: RunningCoordinator): string {
  const { plan, layout, train, replica } = prepared;
  const { global_batch_size: rows, micro_batch_size: micro } = config.training;
  const lines = [
    `model ${config.model}: ${prepared.targets.length} modules adapted, ${layout.size.toLocaleString("en")} parameters trained`,
    `data ${train.statistics.examples} examples in ${train.rowCount} rows, ${plan.totalSteps} steps of ${rows} rows in shards of ${micro}`,
    `listening on ${formatAddress(address)}${telemetry === undefined ? "" : `, metrics on http://${telemetry}/metrics, to watch: http://${telemetry}/`}`,
  ];
  if (replica.step > 0) lines.push(`going on after step ${replica.step}`);
  return lines.join("\n");
}

const ending = ({ outcome, step }: FinishedRun): string =>
  outcome.kind === "failed"
    ? `the run failed: ${outcome.error.message}`
    : `the run is ${outcome.kind} after step ${step}`;

const outputOf = (interruption: Interruption): OutputName | undefined =>
  (["stdout", "stderr"] as const).find((name) => !interruption.lost(name));
