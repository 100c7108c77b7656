/**
 * One membership: from Join until the stream ends. Deals with what the coordinator says strictly in order (the replica's
 * history is the order of the stream), but lets news overtake work: a shard whose step is already final is skipped.
 */
import { Metadata } from "@grpc/grpc-js";
import { detach } from "../async/index.js";
import { vectorBytes } from "../collective/index.js";
import { runNames } from "../config/index.js";
import { CoxswainError, messageOf } from "../errors.js";
import { packError } from "../packed-error.js";
import { layoutFingerprint } from "../model/index.js";
import type {
  CommitOutput,
  CoordinatorMessageOutput,
  FinishOutput,
  CoordinatorStub,
  LeaseOutput,
  ReplicaBytes,
  WelcomeOutput,
  WorkerMessage,
} from "../rpc/index.js";
import {
  deviceWords,
  engineWords,
  metadataKeys,
  needsConnection,
  protocolVersion,
  readRunConfig,
  withToken,
} from "../rpc/index.js";
import { BulkClient } from "./bulk-client.js";
import { LeaseRunner } from "./compute.js";
import { ControlStream } from "./control.js";
import type { StreamEnd } from "./control.js";
import type { DataServer } from "./data-server.js";
import type { ModelLoader, LoadedModel } from "./model.js";
import type { WorkerOptions } from "./run.js";
import { Slices } from "./slices.js";

export type SessionEnd =
  StreamEnd | { readonly kind: "finished"; readonly completed: boolean; readonly reason: string };

export interface SessionParts {
  /** For the control stream. */
  readonly client: CoordinatorStub;
  /** For bulk, on a connection of its own. */
  readonly bulkClient: CoordinatorStub;
  readonly dataServer: DataServer | undefined;
  readonly loader: ModelLoader;
  readonly identity: { readonly id: string; readonly host: string; readonly pid: number };
  readonly softwareVersion: string;
}

/** How long a worker that wants to go waits until what it has computed was taken, ms. */
const drainTimeout = 20_000;

/** Bulk calls that may fail in a row before the session is given up. */
const failuresAllowed = 3;

/** A membership that has been welcomed and has its model. */
interface Membership {
  readonly model: LoadedModel;
  readonly runner: LeaseRunner;
  readonly bulk: BulkClient;
  readonly slices: Slices;
  readonly runDigest: string;
}

export class Session {
  readonly #parts: SessionParts;
  readonly #options: WorkerOptions;
  readonly #control: ControlStream;
  #membership: Membership | undefined;
  /** The newest step that is known to be final: work on it is of no use. */
  #final = 0;
  #finish: SessionEnd | undefined;
  /** Bulk calls that failed in a row. */
  #failures = 0;
  /** The connection for bulk does not work, whatever the other does. */
  #bulkLost = false;
  #drainTimer: NodeJS.Timeout | undefined;

  constructor(parts: SessionParts, options: WorkerOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#control = new ControlStream(parts.client, withToken(options.token), options.now, (message) =>
      this.#onArrival(message),
    );
  }

  /** What the run says of how long to try to reach a coordinator that is gone, ms; undefined before the welcome. */
  reconnectTimeout: number | undefined;

  /** Takes part until the run is finished, the stream is lost, or this worker is refused. */
  async run(): Promise<SessionEnd> {
    this.#join();
    try {
      for await (const message of this.#control.messages) {
        await this.#handle(message);
        if (this.#finish !== undefined) return this.#finish;
      }
      return this.#control.end ?? { kind: "lost", reason: "the coordinator closed the stream" };
    } catch (error) {
      // A call that broke, or anything that went wrong because a connection is gone, is worth another attempt.
      if (this.#control.end !== undefined || this.#bulkLost || isCallError(error))
        return { kind: "lost", reason: messageOf(error) };
      await this.#control.close({ failed: failureOf(error) });
      throw error;
    } finally {
      clearTimeout(this.#drainTimer);
      this.#parts.dataServer?.serve(undefined);
      this.#membership?.slices.close();
      await this.#control.close();
    }
  }

  /** Asks to go: nothing more is leased to this worker, and it is dismissed once what it has computed was taken. */
  drain(reason: string): void {
    this.#control.send({ draining: { reason } });
    const leave = (): void =>
      detach(this.leave(reason), (error) =>
        this.#options.logger.warn({ error: messageOf(error) }, "leaving the run was not said"),
      );
    this.#drainTimer = setTimeout(leave, drainTimeout);
  }

  /** Goes at once: what this worker holds is leased to others. */
  leave(reason: string): Promise<void> {
    return this.#control.close({ leaving: { reason } });
  }

  #join(): void {
    const { identity, dataServer, softwareVersion } = this.#parts;
    this.#control.send({
      join: {
        protocolVersion,
        softwareVersion,
        workerId: identity.id,
        host: identity.host,
        pid: identity.pid,
        dataPort: dataServer?.port ?? 0,
        dataHost: this.#options.advertiseHost ?? "",
        dataKey: dataServer?.key ?? "",
        dataCertificate: dataServer?.certificate ?? Buffer.alloc(0),
      },
    });
  }

  /** What must not wait for the shard that is being computed. */
  #onArrival({ commit, finish, lease, revoke, reduce, collect }: CoordinatorMessageOutput): void {
    if (commit) this.#final = Math.max(this.#final, commit.step);
    if (finish) this.#finish = endOf(finish);
    if (lease) this.#membership?.runner.accept(lease);
    if (revoke) this.#membership?.runner.revoke(revoke);
    if (reduce) this.#membership?.slices.reduce(reduce);
    if (collect) this.#membership?.slices.collect(collect);
  }

  async #handle(message: CoordinatorMessageOutput): Promise<void> {
    if (message.welcome) await this.#onWelcome(message.welcome);
    else if (message.synchronise) await this.#onSynchronise();
    else if (message.lease) await this.#onLease(message.lease);
    else if (message.commit) await this.#onCommit(message.commit);
    else if (message.sendReplica) await this.#onSendReplica();
    // What came before is done: nothing of what was taken back is being computed any more.
    else if (message.revoke) this.#control.send({ idle: {} });
  }

  async #onWelcome(welcome: WelcomeOutput): Promise<void> {
    this.#control.keepAlive(welcome.silenceTimeoutMs);
    const config = readRunConfig(welcome.runConfig);
    const metadata = withToken(this.#options.token, new Metadata());
    metadata.set(metadataKeys.run, welcome.runId);
    metadata.set(metadataKeys.worker, this.#parts.identity.id);
    const allReduceDtype = config.cluster.all_reduce_dtype;
    const bulk = new BulkClient(this.#parts.bulkClient, metadata, allReduceDtype);
    this.reconnectTimeout = config.cluster.reconnect_timeout * 1000;
    this.#options.observer.welcomed({ ...runNames(config), worker: this.#parts.identity.id });
    this.#options.observer.activity("loading");
    const model = await this.#parts.loader.load(welcome, config, bulk);
    const { observer } = this.#options;
    const send = (message: WorkerMessage): void => this.#control.send(message);
    const runner = new LeaseRunner({
      trainable: model.trainable,
      seed: config.seed,
      allReduceDtype,
      send,
      push: (step, node, vector) => {
        observer.moved(vectorBytes(vector.length, allReduceDtype), "sent");
        return bulk.pushContribution(step, node, vector);
      },
      isFinal: (step) => step <= this.#final || this.#finish !== undefined || this.#control.end !== undefined,
      now: this.#options.now,
      observe: (shard) => this.#options.observer.shard(shard),
    });
    const { contributions } = runner;
    const workerId = this.#parts.identity.id;
    const slices = new Slices({
      workerId,
      runId: welcome.runId,
      contributions,
      dtype: allReduceDtype,
      proxy: this.#options.proxy ?? config.cluster.proxy,
      send,
      onReceived: (bytes) => observer.moved(bytes, "received"),
    });
    this.#parts.dataServer?.serve({
      runId: welcome.runId,
      dtype: allReduceDtype,
      contribution: (step, node) => contributions.get(step, node),
      slice: (step, offset, length) => slices.get(step, offset, length),
      replica: () => heldReplica(model, welcome.runDigest),
      hold: (vector) => contributions.pool.hold(vector),
      onSent: (bytes) => observer.moved(bytes, "sent"),
    });
    this.#membership = { model, runner, bulk, slices, runDigest: welcome.runDigest };
    const { engine, device, layout, replica, replicaOf } = model;
    const { name: backend, reason: backendReason, warning } = model.trainable.backend;
    const held = replicaOf === welcome.runDigest ? { step: replica.step, stateHash: replica.hash() } : null;
    const computation = {
      engine: engineWords.valueOf(engine),
      device: deviceWords.valueOf(device),
      backend,
      backendReason,
      backendWarning: warning ?? "",
    };
    send({ ready: { layoutFingerprint: layoutFingerprint(layout), ...computation, replica: held } });
  }

  async #onSynchronise(): Promise<void> {
    const { model, bulk, runDigest } = this.#joined();
    const state = await this.#arrived("the replica", bulk.pullReplica(model.layout.size));
    if (state === undefined) return;
    model.replica.restore(state.step, state.bytes);
    model.replicaOf = runDigest;
    await this.#report(model);
  }

  /** A coordinator that was restarted and cannot reach this worker goes on from its replica. */
  async #onSendReplica(): Promise<void> {
    const { model, bulk, runDigest } = this.#joined();
    const held = heldReplica(model, runDigest);
    if (held !== undefined) await bulk.pushReplica(held.step, held.bytes);
  }

  async #onLease(lease: LeaseOutput): Promise<void> {
    const { model, runner } = this.#joined();
    const needed = lease.task === "TASK_TRAIN" ? lease.step - 1 : lease.step;
    this.#options.observer.activity("computing");
    await runner.run(model.replica.step === needed);
    this.#options.observer.activity("idle");
  }

  async #onCommit({ step, learningRate, scale, slices }: CommitOutput): Promise<void> {
    const { model, runner, bulk, slices: mesh } = this.#joined();
    if (step <= model.replica.step) return;
    if (step > model.replica.step + 1) {
      this.#control.send({
        resynchronise: { reason: `at step ${model.replica.step}, but step ${step} was committed` },
      });
      return;
    }
    const { pool } = runner.contributions;
    const gradient = pool.take();
    const gathered = mesh.gather(step, slices, gradient, bulk);
    if ((await this.#arrived(`the gradient of step ${step}`, gathered)) !== true) return;
    const start = this.#options.now();
    model.replica.apply({ step, gradient, learningRate, scale });
    this.#options.observer.committed((this.#options.now() - start) / 1000);
    pool.give(gradient);
    runner.contributions.release(step);
    mesh.release(step);
    await this.#report(model);
  }

  /** The replica has moved on: the engine computes with it, the coordinator checks it. */
  async #report({ trainable, replica }: LoadedModel): Promise<void> {
    await trainable.setParameters(replica.parameters);
    this.#options.observer.applied(replica.step);
    this.#control.send({ applied: { step: replica.step, stateHash: replica.hash() } });
  }

  /** Bulk that does not arrive while the stream still stands is made good by a fresh replica. */
  async #arrived<T>(what: string, pull: Promise<T>): Promise<T | undefined> {
    try {
      const arrived = await pull;
      this.#failures = 0;
      return arrived;
    } catch (error) {
      // Control works and bulk does not: fresh connections, after a pause, are the better attempt.
      this.#bulkLost = needsConnection(error) || ++this.#failures >= failuresAllowed;
      if (this.#bulkLost) throw error;
      this.#options.logger.warn({ error: messageOf(error) }, `${what} did not arrive`);
      this.#control.send({ resynchronise: { reason: `${what} did not arrive: ${messageOf(error)}` } });
      return undefined;
    }
  }

  #joined(): Membership {
    if (this.#membership === undefined)
      throw new CoxswainError("network", "the coordinator sent work before its welcome", {
        hint: "Coordinator and worker must be of the same version.",
      });
    return this.#membership;
  }
}

/** What is served to a coordinator that goes on after a fall: never the state of another run. */
function heldReplica({ replica, replicaOf }: LoadedModel, runDigest: string): ReplicaBytes | undefined {
  return replicaOf === runDigest ? { step: replica.step, bytes: replica.toBytes() } : undefined;
}

/** A coordinator that returns is lost for now. */
const endOf = ({ completed, returning, reason }: FinishOutput): SessionEnd =>
  returning
    ? { kind: "lost", reason: `the coordinator is ${reason}, to return` }
    : { kind: "finished", completed, reason };

/** Whether this is how gRPC says that a call failed. */
const isCallError = (error: unknown): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error;

function failureOf(error: unknown): { code: string; message: string; hint: string } {
  const { code, message, hint } = packError(error);
  return { code, message, hint: hint ?? "" };
}
