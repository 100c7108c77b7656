/**
 * One membership: from Join until the stream ends. Deals with what the coordinator says strictly in order (the replica's
 * history is the order of the stream), but lets news overtake work: a shard whose step is already final is skipped.
 */
import { Metadata } from "@grpc/grpc-js";
import type { RunConfig } from "../config/index.js";
import { runSchema } from "../config/index.js";
import { CoxswainError, messageOf } from "../errors.js";
import { layoutFingerprint } from "../model/index.js";
import type {
  CommitOutput,
  CoordinatorMessageOutput,
  CoordinatorStub,
  LeaseOutput,
  WelcomeOutput,
} from "../rpc/index.js";
import { metadataKeys, protocolVersion, withToken } from "../rpc/index.js";
import { BulkClient } from "./bulk-client.js";
import { LeaseRunner } from "./compute.js";
import { ControlStream } from "./control.js";
import type { StreamEnd } from "./control.js";
import type { DataServer } from "./data-server.js";
import type { ModelLoader, LoadedModel } from "./model.js";
import type { WorkerOptions } from "./run.js";

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

/** Bulk calls that may fail in a row before the session is given up. */
const failuresAllowed = 3;

/** A membership that has been welcomed and has its model. */
interface Membership {
  readonly model: LoadedModel;
  readonly runner: LeaseRunner;
  readonly bulk: BulkClient;
}

export class Session {
  readonly #parts: SessionParts;
  readonly #options: WorkerOptions;
  readonly #control: ControlStream;
  #membership: Membership | undefined;
  /** The newest step that is known to be final: work on it is of no use. */
  #final = 0;
  #finish: { reason: string; completed: boolean } | undefined;
  /** Bulk calls that failed in a row. */
  #failures = 0;

  constructor(parts: SessionParts, options: WorkerOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#control = new ControlStream(parts.client, withToken(options.token), options.now, (message) =>
      this.#onArrival(message),
    );
  }

  /** Takes part until the run is finished, the stream is lost, or this worker is refused. */
  async run(): Promise<SessionEnd> {
    this.#join();
    try {
      for await (const message of this.#control.messages) {
        await this.#handle(message);
        if (this.#finish !== undefined) return { kind: "finished", ...this.#finish };
      }
      return this.#control.end ?? { kind: "lost", reason: "the coordinator closed the stream" };
    } catch (error) {
      // A call that broke, or anything that went wrong because the stream is gone, is worth another attempt.
      if (this.#control.end !== undefined || isCallError(error)) return { kind: "lost", reason: messageOf(error) };
      await this.#control.close({ failed: failureOf(error) });
      throw error;
    } finally {
      this.#parts.dataServer?.serve(undefined);
      await this.#control.close();
    }
  }

  /** Says goodbye: what this worker holds is leased to others at once. */
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
      },
    });
  }

  #onArrival({ commit, finish }: CoordinatorMessageOutput): void {
    if (commit) this.#final = Math.max(this.#final, commit.step);
    if (finish) this.#finish = { reason: finish.reason, completed: finish.completed };
  }

  async #handle(message: CoordinatorMessageOutput): Promise<void> {
    if (message.welcome) await this.#onWelcome(message.welcome);
    else if (message.synchronise) await this.#onSynchronise();
    else if (message.lease) await this.#onLease(message.lease);
    else if (message.commit) await this.#onCommit(message.commit);
  }

  async #onWelcome(welcome: WelcomeOutput): Promise<void> {
    this.#control.keepAlive(welcome.silenceTimeoutMs);
    const config = readConfig(welcome.runConfig);
    const metadata = withToken(this.#options.token, new Metadata());
    metadata.set(metadataKeys.run, welcome.runId);
    metadata.set(metadataKeys.worker, this.#parts.identity.id);
    const bulk = new BulkClient(this.#parts.bulkClient, metadata);
    this.#options.observer.activity("loading");
    const model = await this.#parts.loader.load(welcome, config, bulk);
    const runner = new LeaseRunner({
      trainable: model.trainable,
      seed: config.seed,
      send: (message) => this.#control.send(message),
      push: (step, node, vector) => bulk.pushContribution(step, node, vector),
      isFinal: (step) => step <= this.#final || this.#finish !== undefined || this.#control.end !== undefined,
      now: this.#options.now,
      observe: (shard) => this.#options.observer.shard(shard),
    });
    this.#parts.dataServer?.serve(runner.contributions);
    this.#membership = { model, runner, bulk };
    const { engine, device, layout } = model;
    this.#control.send({ ready: { layoutFingerprint: layoutFingerprint(layout), engine, device } });
  }

  async #onSynchronise(): Promise<void> {
    const { model, bulk } = this.#joined();
    const state = await this.#arrived("the replica", bulk.pullReplica(model.layout.size));
    if (state === undefined) return;
    model.replica.restore(state.step, state.bytes);
    await this.#report(model);
  }

  async #onLease(lease: LeaseOutput): Promise<void> {
    const { model, runner } = this.#joined();
    const needed = lease.task === "TASK_TRAIN" ? lease.step - 1 : lease.step;
    if (model.replica.step !== needed) return;
    this.#options.observer.activity("computing");
    await runner.run(lease);
    this.#options.observer.activity("idle");
  }

  async #onCommit({ step, learningRate, scale }: CommitOutput): Promise<void> {
    const { model, runner, bulk } = this.#joined();
    if (step <= model.replica.step) return;
    if (step > model.replica.step + 1) {
      this.#control.send({
        resynchronise: { reason: `at step ${model.replica.step}, but step ${step} was committed` },
      });
      return;
    }
    const gradient = await this.#arrived(`the gradient of step ${step}`, bulk.pullReduced(step, model.layout.size));
    if (gradient === undefined) return;
    model.replica.apply({ step, gradient, learningRate, scale });
    runner.contributions.release(step);
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
      // Control works and bulk does not: a fresh connection, after a pause, is the better attempt.
      if (++this.#failures >= failuresAllowed) throw error;
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

function readConfig(text: string): RunConfig {
  try {
    return runSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new CoxswainError("network", `the coordinator's run settings cannot be read: ${messageOf(error)}`, {
      hint: "Coordinator and worker must be of the same version.",
      cause: error,
    });
  }
}

/** Whether this is how gRPC says that a call failed. */
const isCallError = (error: unknown): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error;

function failureOf(error: unknown): { code: string; message: string; hint: string } {
  if (error instanceof CoxswainError) return { code: error.code, message: error.message, hint: error.hint ?? "" };
  return { code: "bug", message: messageOf(error), hint: "" };
}
