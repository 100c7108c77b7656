/**
 * A worker that was welcomed and has the run's model: carries out the machine's effects on model, replica and sums.
 * Independent of the control stream; decides nothing.
 */
import type { Clock } from "../../clock.js";
import { vectorBytes } from "../../collective/index.js";
import type { TreeNode } from "../../collective/index.js";
import type { WorkerConfig } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";
import type { ShardIndex } from "../../ids.js";
import { layoutFingerprint } from "../../model/index.js";
import type {
  CollectOutput,
  CommitOutput,
  Contribution,
  LeaseOutput,
  ReduceOutput,
  ReplicaBytes,
  WelcomeOutput,
  WorkerMessage,
} from "../../rpc/index.js";
import { deviceWords, engineWords } from "../../rpc/index.js";
import { ShardRunner } from "../gradient/shard-runner.js";
import type { Held, Loaded, ShardLoss, Task } from "../machine/index.js";
import type { LoadedModel } from "../model/model-loader.js";
import type { WorkerObserver } from "../observer.js";
import { Slices } from "../gradient/slices.js";
import type { MemberCalls, Served } from "../transport.js";

export interface MemberOptions {
  readonly workerId: string;
  readonly welcome: WelcomeOutput;
  readonly config: WorkerConfig;
  readonly model: LoadedModel;
  readonly calls: MemberCalls;
  readonly clock: Clock;
  readonly observer: WorkerObserver;
  /** Sends a message to the coordinator. */
  readonly send: (message: WorkerMessage) => void;
}

export class Member {
  readonly #options: MemberOptions;
  readonly #runner: ShardRunner;
  readonly #slices: Slices;
  /** The gathered gradient, not yet applied. */
  #gathered: Float32Array | undefined;

  constructor(options: MemberOptions) {
    const { workerId, config, model, calls, clock, observer, send } = options;
    this.#options = options;
    const dtype = config.cluster.all_reduce_dtype;
    this.#runner = new ShardRunner({
      trainable: model.trainable,
      seed: config.seed,
      allReduceDtype: dtype,
      clock,
      observe: (shard) => observer.shard(shard),
    });
    this.#slices = new Slices({
      workerId,
      contributions: this.#runner.contributions,
      dtype,
      calls,
      send,
      onReceived: (bytes) => observer.moved(bytes, "received"),
    });
  }

  get loaded(): Loaded {
    const { engine, device, layout, trainable, replica, replicaOf } = this.#options.model;
    const { name: backend, reason: backendReason, warning } = trainable.backend;
    const computation = {
      engine: engineWords.valueOf(engine),
      device: deviceWords.valueOf(device),
      backend,
      backendReason,
      backendWarning: warning ?? "",
    };
    return {
      ready: { layoutFingerprint: layoutFingerprint(layout), ...computation },
      held:
        replicaOf === undefined ? undefined : { runDigest: replicaOf, step: replica.step, stateHash: replica.hash() },
      contributionBytes: this.#bytes(layout.size),
    };
  }

  /** The data that others can pull. @param holdsReplica whether the replica belongs to this run */
  served(holdsReplica: () => boolean): Served {
    const { welcome, config, observer } = this.#options;
    const { contributions } = this.#runner;
    return {
      runId: welcome.runId,
      dtype: config.cluster.all_reduce_dtype,
      contribution: (step, node) => contributions.get(step, node),
      slice: (step, offset, length) => this.#slices.get(step, offset, length),
      replica: () => (holdsReplica() ? this.#replicaBytes() : undefined),
      hold: (vector) => contributions.pool.hold(vector),
      onSent: (bytes) => observer.moved(bytes, "sent"),
    };
  }

  async synchronise(): Promise<Held> {
    const { calls, model, welcome } = this.#options;
    const { step, bytes } = await calls.coordinator.pullReplica(model.layout.size);
    model.replica.restore(step, bytes);
    model.replicaOf = welcome.runDigest;
    return this.#compute();
  }

  compute(task: Task, lease: LeaseOutput, shard: ShardIndex): Promise<ShardLoss> {
    this.#options.observer.activity("computing");
    return this.#runner.compute(task, lease, shard);
  }

  closeLease(): void {
    this.#runner.closeLease();
    this.#options.observer.activity("idle");
  }

  /** @returns the announcement of the sum */
  serve(step: number, node: TreeNode, slices: readonly number[]): Contribution {
    return { step, ...node, checksums: this.#runner.serve(step, node, slices) };
  }

  async pushContribution(step: number, node: TreeNode): Promise<void> {
    const { contributions } = this.#runner;
    const sum = contributions.get(step, node);
    if (sum === undefined) throw new CoxswainError("bug", "the sum to push is missing");
    // The node may be computed again meanwhile, which returns this vector to the pool.
    const release = contributions.pool.hold(sum);
    try {
      this.#options.observer.moved(this.#bytes(sum.length), "sent");
      await this.#options.calls.coordinator.pushContribution(step, node, sum);
    } finally {
      release();
    }
  }

  pushReplica(): Promise<void> {
    return this.#options.calls.coordinator.pushReplica(this.#replicaBytes());
  }

  reduce(reduce: ReduceOutput): void {
    this.#slices.reduce(reduce);
  }

  /** @throws CoxswainError "network" for a node that is not part of the step's tree */
  collect(collect: CollectOutput): void {
    this.#slices.collect(collect);
  }

  async gather({ step, slices }: CommitOutput): Promise<void> {
    const gradient = this.#runner.contributions.pool.take();
    await this.#slices.gather(step, slices, gradient);
    this.#gathered = gradient;
  }

  apply({ step, learningRate, scale }: CommitOutput): Promise<Held> {
    const { model, clock, observer } = this.#options;
    const { contributions } = this.#runner;
    const gradient = this.#gathered;
    if (gradient === undefined) throw new CoxswainError("bug", `the gradient of step ${step} was not gathered`);
    this.#gathered = undefined;
    const start = clock.now();
    model.replica.apply({ step, gradient, learningRate, scale });
    observer.committed((clock.now() - start) / 1000);
    contributions.pool.give(gradient);
    contributions.release(step);
    this.#slices.release(step);
    return this.#compute();
  }

  /** Ends the pulls for slices. */
  close(): void {
    this.#slices.close();
  }

  /** From now on the engine computes with the replica. */
  async #compute(): Promise<Held> {
    const { model, observer } = this.#options;
    const { trainable, replica } = model;
    await trainable.setParameters(replica.parameters);
    observer.applied(replica.step);
    return { step: replica.step, stateHash: replica.hash() };
  }

  #replicaBytes(): ReplicaBytes {
    const { replica } = this.#options.model;
    return { step: replica.step, bytes: replica.toBytes() };
  }

  #bytes(elements: number): number {
    return vectorBytes(elements, this.#options.config.cluster.all_reduce_dtype);
  }
}
