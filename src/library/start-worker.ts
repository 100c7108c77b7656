/** `startWorker()`: starts a worker in this process, like `coxswain worker`. */
import { detach } from "../async/index.js";
import { systemClock } from "../clock.js";
import { devices } from "../config/choices.js";
import type { Logger, LogStream } from "../telemetry/index.js";
import type { CoordinatorLocator, WorkerEnd } from "../worker/index.js";
import { contained } from "./callbacks.js";
import { checkOptions } from "./check-options.js";
import type { OptionKinds } from "./check-options.js";
import type { CoxswainError } from "../errors.js";
import { asCoxswainError, rejectingWell, throwIfAborted } from "./errors.js";

/** PEM files of a worker. */
export interface WorkerTls {
  /** The authority that signed the coordinator's certificate. Default: those that Node.js trusts. */
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
  /** Enables TLS. Default: none. */
  readonly tls?: WorkerTls | undefined;
  /** Connect directly, or through the proxy from `http_proxy` and similar variables. Default: "none". */
  readonly proxy?: "none" | "environment" | undefined;
  /** HOST:PORT to serve gradients on, or "none" to push them. Default: a free port. */
  readonly listen?: string | undefined;
  /** Host name at which others reach that port. Default: the address that the coordinator sees. */
  readonly advertise?: string | undefined;
  /** Folder with the model. Default: found by its content, else streamed from the coordinator. */
  readonly model?: string | undefined;
  /** The compute device. Default: the run's `compute.device`. */
  readonly device?: "auto" | "cpu" | "cuda" | "webgpu" | undefined;
  /** Seconds for which it tries to reach the coordinator. Default: the run's; 300 for the first connection. */
  readonly reconnectTimeout?: number | undefined;
  /** HOST:PORT for metrics and health checks; null: none. Default: null. */
  readonly http?: string | null | undefined;
}

/** Options of {@link startWorker}. */
export interface StartWorkerOptions extends WorkerSettings {
  /** HOST:PORT of the coordinator, such as {@link TrainingRun.address}. */
  readonly coordinator: string;
  /** Makes the worker deliver its results and leave; {@link RunningWorker.result} then resolves with "interrupted". */
  readonly signal?: AbortSignal | undefined;
  /** Called with each log line, a JSON object. `COXSWAIN_LOG_LEVEL` applies. Default: nothing is logged. */
  readonly onLog?: ((line: string) => void) | undefined;
}

/** A started worker. */
export interface RunningWorker {
  /** HOST:PORT of its metrics; undefined if they are not served. */
  readonly metricsAddress: string | undefined;
  /**
   * Settles when the worker has left the run and has closed everything: "completed" if the run is complete, "interrupted"
   * if the worker was told to leave or the run was stopped. Rejects with a CoxswainError: "network" if it cannot reach a
   * coordinator, "cluster" if it is rejected. Ignoring a rejection does not end the process.
   */
  readonly result: Promise<WorkerEnd>;
  /** Leaves the run, like `signal`. Resolves when everything is closed. */
  close(): Promise<void>;
}

export type { WorkerEnd };

const settingKinds: OptionKinds<WorkerSettings> = {
  token: "text in printable ASCII without spaces",
  tls: "an object",
  proxy: ["none", "environment"],
  listen: "text",
  advertise: "text",
  model: "text",
  device: ["auto", ...devices],
  reconnectTimeout: "a number of 0 or more",
  http: "text or null",
};

const tlsKinds: OptionKinds<WorkerTls> = { ca: "text", cert: "text", key: "text" };

const optionKinds: OptionKinds<StartWorkerOptions> = {
  ...settingKinds,
  coordinator: "text",
  signal: "an AbortSignal",
  onLog: "a function",
};

/**
 * Starts a worker in this process. Only one worker per process can compute at a time, since runtimes share their threads.
 *
 * @param options where the coordinator is, and how to compute
 * @returns the worker, while it is connecting
 * @throws CoxswainError "usage" for invalid options, "config" for an invalid address, "network" if `listen` or `http` is
 *   in use, "interrupted" if `signal` is aborted
 */
export async function startWorker(options: StartWorkerOptions): Promise<RunningWorker> {
  return rejectingWell(async () => {
    checkOptions("startWorker()", options, optionKinds, ["coordinator"]);
    if (options.tls !== undefined) checkOptions("startWorker(): tls", options.tls, tlsKinds);
    const { coordinator, signal, onLog, ...settings } = options;
    throwIfAborted("the worker", signal);
    const [{ createLogger }, { fixedCoordinator }] = await Promise.all([
      import("../telemetry/index.js"),
      import("../worker/index.js"),
    ]);
    const names = { listen: "listen", advertise: "advertise", http: "http" };
    let leave = (): void => undefined;
    let thrown: CoxswainError | undefined;
    const onThrow = (error: CoxswainError): void => {
      thrown ??= error;
      leave();
    };
    const destination: LogStream = { write: contained("onLog", (line: string) => onLog?.(line), onThrow) };
    const log = createLogger({ name: "worker", destination, ...(onLog === undefined ? { level: "silent" } : {}) });
    const locate = (): CoordinatorLocator => fixedCoordinator(coordinator, "coordinator");
    const worker = await openWorker(locate, settings, { logger: log.logger, names, signal });
    leave = () => detach(worker.close(), () => undefined);
    if (thrown !== undefined) leave();
    const result = worker.result
      .finally(() => log.close())
      .then((end) => {
        if (thrown !== undefined) throw thrown;
        return end;
      });
    detach(result, () => undefined);
    return { ...worker, result };
  });
}

export interface OpenWorkerOptions {
  readonly logger: Logger;
  /** Names of the address settings in error messages. */
  readonly names: Readonly<Record<"listen" | "advertise" | "http", string>>;
  readonly signal: AbortSignal | undefined;
  /** Called when the run is complete; the worker closes its metrics when the promise resolves. Default: none. */
  readonly onCompleted?: () => Promise<void>;
}

/**
 * The same, with a custom locator and log.
 * @param findCoordinator called once the settings have been checked
 */
export async function openWorker(
  findCoordinator: () => CoordinatorLocator | Promise<CoordinatorLocator>,
  settings: WorkerSettings,
  { logger, names, signal, onCompleted }: OpenWorkerOptions,
): Promise<RunningWorker> {
  const [{ parseAddress, parseHost }, { reportSlowPath, withToken }, telemetryModule, { version }, { runWorker }] =
    await Promise.all([
      import("../config/index.js"),
      import("../rpc/index.js"),
      import("../telemetry/index.js"),
      import("../version.js"),
      import("../worker/index.js"),
    ]);
  const { listen, advertise, http, tls, reconnectTimeout } = settings;
  // Before the first attempt: a token that no header can carry would fail each of them.
  withToken(settings.token);
  // Checked now although they are used later: report errors before waiting for anything.
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
