/**
 * The workers of a sweep: one gRPC server to which all of them connect, as to a coordinator. Each worker's control
 * stream is passed to the coordinator of a trial, and its other calls follow by the run that they name. A worker without
 * a trial is kept waiting by heartbeats. When a trial ends, its workers are told to return, and keep the model open.
 */
import { status } from "@grpc/grpc-js";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Clock, Timer } from "../../clock.js";
import type { Address, RunConfig } from "../../config/index.js";
import { coordinatorName, guardLimitsOf } from "../../coordinator/index.js";
import type { WorkerGateway } from "../../coordinator/index.js";
import {
  coordinatorService,
  largestWorkerMessage,
  listen,
  metadataKeys,
  refuse,
  serverCredentials,
} from "../../rpc/index.js";
import type { CoordinatorHandlers, CoordinatorMessage, RunningServer, WorkerMessageOutput } from "../../rpc/index.js";
import { trialForWorker } from "./assign.js";

type Stream = ServerDuplexStream<WorkerMessageOutput, CoordinatorMessage>;

interface Entered {
  readonly handlers: CoordinatorHandlers;
  readonly streams: Set<Stream>;
}

export interface SweepPoolOptions {
  readonly cluster: RunConfig["cluster"];
  readonly address: Address;
  readonly clock: Clock;
  /** The number of workers has changed. */
  readonly onChange: () => void;
}

/** A worker gives a coordinator up that sends nothing for 10 s before its welcome. */
const heartbeatInterval = 2_000;
/**
 * How long the end of the sweep waits for workers that are on their way back from a trial, ms: longer than the longest
 * delay between a worker's attempts to connect.
 */
const farewellTimeout = 6_000;

export class SweepPool implements WorkerGateway {
  readonly #options: SweepPoolOptions;
  readonly #runs = new Map<string, Entered>();
  readonly #waiting = new Set<Stream>();
  readonly #heartbeat: Timer;
  #server: RunningServer | undefined;
  /** Workers that left, minus those that have come back. */
  #away = 0;
  #opening = true;
  #farewell: { readonly completed: boolean } | undefined;
  #onBack: (() => void) | undefined;

  private constructor(options: SweepPoolOptions) {
    this.#options = options;
    this.#heartbeat = options.clock.every(heartbeatInterval, () => {
      for (const stream of this.#waiting) stream.write({ heartbeat: {} });
    });
  }

  /** @throws CoxswainError "network" if the address is in use, "config" for unusable certificates */
  static async open(options: SweepPoolOptions): Promise<SweepPool> {
    const pool = new SweepPool(options);
    try {
      await pool.#listen();
      return pool;
    } catch (error) {
      pool.#heartbeat.cancel();
      throw error;
    }
  }

  /** The port on which it listens. */
  get port(): number {
    return this.#server?.port ?? 0;
  }

  /** Number of connected workers. */
  get size(): number {
    return [...this.#runs.values()].reduce((sum, { streams }) => sum + streams.size, this.#waiting.size);
  }

  /** Number of workers without a trial. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether more trials are about to open: workers wait for them. */
  set opening(opening: boolean) {
    this.#opening = opening;
    this.#assign();
  }

  open(runId: string, handlers: CoordinatorHandlers): { close(): void } {
    const run: Entered = { handlers, streams: new Set() };
    this.#runs.set(runId, run);
    this.#assign();
    return {
      close: () => {
        this.#runs.delete(runId);
        this.#away += run.streams.size;
        for (const stream of run.streams) refuse(stream, status.UNAVAILABLE, "the trial is over");
      },
    };
  }

  /**
   * Dismisses all workers, also those that are on their way back from a trial.
   * @param completed whether the sweep is complete
   */
  async dismiss(completed: boolean): Promise<void> {
    this.#farewell = { completed };
    for (const stream of this.#waiting) this.#dismiss(stream);
    if (this.#away <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(farewellTimeout, resolve);
      this.#onBack = () => {
        if (this.#away > 0) return;
        timer.cancel();
        resolve();
      };
    });
  }

  async close(): Promise<void> {
    this.#heartbeat.cancel();
    await this.#server?.close();
  }

  async #listen(): Promise<void> {
    const { cluster, address } = this.#options;
    this.#server = await listen({
      ...address,
      credentials: await serverCredentials(cluster.tls),
      services: [{ name: coordinatorName, definition: coordinatorService, handlers: this.#handlers() }],
      token: cluster.token,
      refusal: "the token is wrong or missing (--token or COXSWAIN_TOKEN)",
      largestMessage: largestWorkerMessage,
      addressKey: "cluster.listen",
      limits: guardLimitsOf(cluster.limits),
    });
  }

  #handlers(): CoordinatorHandlers {
    return {
      Attend: (stream) => this.#attend(stream),
      PullReduced: (call) => this.#handlersOf(call)?.PullReduced(call),
      PullReplica: (call) => this.#handlersOf(call)?.PullReplica(call),
      PullModelFile: (call) => this.#handlersOf(call)?.PullModelFile(call),
      PushContribution: (call, answer) => this.#handlersOf(call)?.PushContribution(call, answer),
      PushReplica: (call, answer) => this.#handlersOf(call)?.PushReplica(call, answer),
    };
  }

  /** The service of the run that a call names; the call is refused if there is none. */
  #handlersOf(call: Pick<Stream, "metadata"> & Parameters<typeof refuse>[0]): CoordinatorHandlers | undefined {
    const run = this.#runs.get(String(call.metadata.get(metadataKeys.run)[0]));
    if (run === undefined) refuse(call, status.PERMISSION_DENIED, "the caller attends no trial of this sweep");
    return run?.handlers;
  }

  #attend(stream: Stream): void {
    this.#away = Math.max(0, this.#away - 1);
    this.#waiting.add(stream);
    stream.once("cancelled", () => this.#left(stream));
    stream.once("end", () => this.#left(stream));
    stream.once("close", () => this.#left(stream));
    if (this.#farewell === undefined) this.#assign();
    else this.#dismiss(stream);
    this.#options.onChange();
  }

  #left(stream: Stream): void {
    const wasHere = [this.#waiting, ...[...this.#runs.values()].map(({ streams }) => streams)]
      .map((streams) => streams.delete(stream))
      .includes(true);
    if (!wasHere) return;
    this.#away++;
    this.#options.onChange();
  }

  #dismiss(stream: Stream): void {
    const { completed = false } = this.#farewell ?? {};
    this.#waiting.delete(stream);
    stream.write({ finish: { reason: completed ? "completed" : "stopped", completed, returning: false } });
    stream.on("data", () => undefined);
    stream.on("end", () => stream.end());
    stream.on("error", () => undefined);
    this.#onBack?.();
  }

  #assign(): void {
    for (const stream of this.#waiting) {
      const open = [...this.#runs].map(([id, { streams }]) => ({ id, workers: streams.size }));
      const run = this.#runs.get(trialForWorker(open, this.#opening) ?? "");
      if (run === undefined) return;
      this.#waiting.delete(stream);
      run.streams.add(stream);
      run.handlers.Attend(stream);
    }
  }
}
