/** `startWorker()`: computes for a coordinator in this process, as `coxswain worker`. */
import { detach } from "../async/index.js";
import { systemClock } from "../clock.js";
import type { Logger, LogStream } from "../telemetry/index.js";
import type { CoordinatorLocator, WorkerEnd } from "../worker/index.js";
import { checkOptions } from "./check-options.js";
import type { OptionKinds } from "./check-options.js";
import { asCoxswainError, rejectingWell, throwIfAborted } from "./errors.js";

/** PEM files of a worker. */
export interface WorkerTls {
  /** The authority that signed the coordinator's certificate. Default: one that Node.js knows. */
  readonly ca?: string | undefined;
  /** This worker's certificate, for mutual TLS. Default: none. */
  readonly cert?: string | undefined;
  /** Its private key. Default: none. */
  readonly key?: string | undefined;
}

/** How a worker computes and is reached. */
export interface WorkerSettings {
  /** The run's token. Default: none. */
  readonly token?: string | undefined;
  /** Turns TLS on. Default: none. */
  readonly tls?: WorkerTls | undefined;
  /** Connect directly, or through the proxy that `http_proxy` and its like name. Default: "none". */
  readonly proxy?: "none" | "environment" | undefined;
  /** HOST:PORT from which gradients are fetched, or "none" to push them. Default: a free port. */
  readonly listen?: string | undefined;
  /** Host under which the coordinator reaches that port. Default: the one it sees. */
  readonly advertise?: string | undefined;
  /** A folder that holds the model. Default: found by its content, else sent by the coordinator. */
  readonly model?: string | undefined;
  /** In place of the run's `compute.device`. Default: the run's. */
  readonly device?: "auto" | "cpu" | "cuda" | "webgpu" | undefined;
  /** Seconds for which it tries to reach the coordinator. Default: the run's; 300 for the first time. */
  readonly reconnectTimeout?: number | undefined;
  /** HOST:PORT of its metrics and health; null: none. Default: null. */
  readonly http?: string | null | undefined;
}

/** What {@link startWorker} takes. */
export interface StartWorkerOptions extends WorkerSettings {
  /** HOST:PORT at which the coordinator listens: {@link TrainingRun.address}, say. */
  readonly coordinator: string;
  /** Hands over what is computed and leaves; {@link RunningWorker.result} then resolves with "interrupted". */
  readonly signal?: AbortSignal | undefined;
  /** Is called with each line of its log, a JSON object. `COXSWAIN_LOG_LEVEL` applies. Default: nothing is logged. */
  readonly onLog?: ((line: string) => void) | undefined;
}

/** A worker that takes part in a run. */
export interface RunningWorker {
  /** HOST:PORT of its metrics; undefined where there are none. */
  readonly metricsAddress: string | undefined;
  /**
   * Settles when it is not needed any more and everything that it opened is closed: "completed" where the run is complete,
   * "interrupted" where it was told to leave or the run stopped short. Rejects with a CoxswainError: "network" where no
   * coordinator is reached, "cluster" where it is refused. Ignoring a rejection does not end the process.
   */
  readonly result: Promise<WorkerEnd>;
  /** Leaves, as `signal` does. Resolves when everything is closed. */
  close(): Promise<void>;
}

export type { WorkerEnd };

const settingKinds: OptionKinds<WorkerSettings> = {
  token: "text",
  tls: "an object",
  proxy: ["none", "environment"],
  listen: "text",
  advertise: "text",
  model: "text",
  device: ["auto", "cpu", "cuda", "webgpu"],
  reconnectTimeout: "a number",
  http: "text or null",
};

const optionKinds: OptionKinds<StartWorkerOptions> = {
  ...settingKinds,
  coordinator: "text",
  signal: "an AbortSignal",
  onLog: "a function",
};

/**
 * Starts a worker in this process. One computes at a time per process: threads of the runtimes are shared.
 *
 * @param options where the coordinator is, and how to compute
 * @returns the worker, which is connecting
 * @throws CoxswainError "usage" for wrong options, "config" for what is no address, "network" where `listen` or `http` is
 *   taken, "interrupted" where `signal` is aborted
 */
export async function startWorker(options: StartWorkerOptions): Promise<RunningWorker> {
  return rejectingWell(async () => {
    checkOptions("startWorker()", options, optionKinds, ["coordinator"]);
    const { coordinator, signal, onLog, ...settings } = options;
    throwIfAborted("the worker", signal);
    const [{ createLogger }, { fixedCoordinator }] = await Promise.all([
      import("../telemetry/index.js"),
      import("../worker/index.js"),
    ]);
    const names = { listen: "listen", advertise: "advertise", http: "http" };
    const destination: LogStream = { write: (line) => onLog?.(line) };
    const log = createLogger({ name: "worker", destination, ...(onLog === undefined ? { level: "silent" } : {}) });
    const locate = (): CoordinatorLocator => fixedCoordinator(coordinator, "coordinator");
    const worker = await openWorker(locate, settings, { logger: log.logger, names, signal });
    const result = worker.result.finally(() => log.close());
    detach(result, () => undefined);
    return { ...worker, result };
  });
}

export interface OpenWorkerOptions {
  readonly logger: Logger;
  /** How messages call the settings that are addresses. */
  readonly names: Readonly<Record<"listen" | "advertise" | "http", string>>;
  readonly signal: AbortSignal | undefined;
  /** The run is complete: what is to be waited for before the worker's metrics are closed. Default: nothing. */
  readonly onCompleted?: () => Promise<void>;
}

/**
 * The same for whoever finds the coordinator otherwise, and brings a log.
 * @param findCoordinator is called once the settings are known to be right
 */
export async function openWorker(
  findCoordinator: () => CoordinatorLocator | Promise<CoordinatorLocator>,
  settings: WorkerSettings,
  { logger, names, signal, onCompleted }: OpenWorkerOptions,
): Promise<RunningWorker> {
  const [{ parseAddress, parseHost }, { reportSlowPath }, telemetryModule, { version }, { runWorker }] =
    await Promise.all([
      import("../config/index.js"),
      import("../rpc/index.js"),
      import("../telemetry/index.js"),
      import("../version.js"),
      import("../worker/index.js"),
    ]);
  const { listen, advertise, http, tls, reconnectTimeout } = settings;
  // Also what is needed later only: what is wrong with it is said before anything is waited for.
  if (listen !== undefined && listen !== "none") parseAddress(listen, { name: names.listen, allowPortZero: true });
  const advertiseHost = advertise === undefined ? undefined : parseHost(advertise, { name: names.advertise });
  const coordinator = await findCoordinator();
  const metrics = telemetryModule.createWorkerMetrics(version);
  let connected = false;
  let completed = false;
  const telemetry =
    http === undefined || http === null
      ? undefined
      : await telemetryModule.serveTelemetry({
          address: http,
          name: names.http,
          metrics,
          ready: () => connected || completed || "not connected to a coordinator",
        });
  if (telemetry !== undefined) logger.info({ http: telemetry.address }, "metrics");
  const slowPath = reportSlowPath({
    count: (direction) => metrics.bulkSlowPath.add(1, { direction }),
    warn: (text) => logger.warn(text),
  });
  const leaving = new AbortController();
  const leave = (): void => leaving.abort(signal?.reason);
  signal?.addEventListener("abort", leave);
  if (signal?.aborted === true) leave();
  const takePart = async (): Promise<WorkerEnd> => {
    try {
      const end = await runWorker({
        coordinator,
        token: settings.token ?? null,
        tls: tls === undefined ? undefined : { ca: tls.ca, cert: tls.cert, key: tls.key },
        proxy: settings.proxy,
        listen,
        advertiseHost,
        modelFolder: settings.model,
        device: settings.device,
        reconnectTimeout: reconnectTimeout === undefined ? undefined : reconnectTimeout * 1000,
        logger,
        observer: {
          connected: (now) => {
            connected = now;
            metrics.connected.set(now ? 1 : 0);
            if (now) metrics.connections.add(1);
          },
          welcomed: (membership) => metrics.setMembership(membership),
          shard: ({ tokens, supervisedTokens, seconds }) => {
            metrics.shards.add(1);
            metrics.shardDuration.observe(seconds);
            metrics.tokens.add(tokens, { kind: "all" });
            metrics.tokens.add(supervisedTokens, { kind: "supervised" });
          },
          activity: (activity) => metrics.setActivity(activity),
          applied: (step) => metrics.step.set(step),
          committed: (seconds) => metrics.applyDuration.observe(seconds),
          moved: (bytes, direction) => metrics.allReduceBytes.add(bytes, { direction }),
        },
        clock: systemClock,
        signal: leaving.signal,
      });
      completed = end === "completed";
      if (completed) await onCompleted?.();
      return end;
    } catch (error) {
      throw asCoxswainError(error);
    } finally {
      signal?.removeEventListener("abort", leave);
      slowPath();
      await telemetry?.close();
    }
  };
  const result = takePart();
  detach(result, () => undefined);
  return {
    metricsAddress: telemetry?.address,
    result,
    close: async () => {
      leaving.abort("closed");
      await result.catch(() => undefined);
    },
  };
}
