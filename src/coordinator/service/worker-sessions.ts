/**
 * The sessions of the workers in the run. Sends the state machine's effects to them as messages; ignores effects for a
 * worker that has left.
 */
import type { Clock } from "../../clock.js";
import { packInts, taskWords, writtenOnce } from "../../rpc/index.js";
import type { CoordinatorMessage, Peer } from "../../rpc/index.js";
import { Collects } from "./collects.js";
import { shardMessages } from "./lease-rows.js";
import type { LeaseSources } from "./lease-rows.js";
import type { CommitEffect, EffectOf, WorkerId } from "../machine/index.js";
import type { WorkerSession } from "./worker-session.js";

/** How the run, or the worker's part in it, ended; sent to workers. */
export interface Farewell {
  readonly reason: string;
  readonly completed: boolean;
  readonly returning: boolean;
}

export class Sessions {
  readonly #sources: LeaseSources;
  readonly #sessions = new Map<WorkerId, WorkerSession>();
  readonly #collects: Collects;

  constructor(sources: LeaseSources, clock: Clock) {
    this.#sources = sources;
    this.#collects = new Collects(clock);
  }

  add(session: WorkerSession): void {
    this.#sessions.set(session.id, session);
  }

  get(id: WorkerId): WorkerSession | undefined {
    return this.#sessions.get(id);
  }

  get all(): readonly WorkerSession[] {
    return [...this.#sessions.values()];
  }

  /** Closes and removes a worker's session. @returns the session, or undefined if there is none */
  remove(id: WorkerId): WorkerSession | undefined {
    const session = this.#sessions.get(id);
    this.#sessions.delete(id);
    session?.close();
    return session;
  }

  synchronise({ worker, step }: EffectOf<"synchronise">): void {
    this.#sessions.get(worker)?.send({ synchronise: { step } });
  }

  lease(effect: EffectOf<"lease">): void {
    const { worker, step, first, roundShards } = effect;
    const session = this.#sessions.get(worker);
    const { generation } = this.#sources;
    session?.sums.leased();
    session?.send({
      lease: {
        task: taskWords.valueOf(effect.task),
        step,
        first,
        shards: shardMessages(this.#sources, effect),
        roundShards,
        push: session.pushes,
        slices: [...effect.slices],
        ...(effect.task === "generate" && generation !== undefined
          ? { stopIds: packInts(generation.stopIds), contextLength: generation.contextLength }
          : {}),
      },
    });
  }

  revoke({ worker, task, step, first, count }: EffectOf<"revoke">): void {
    this.#sessions.get(worker)?.send({ revoke: { task: taskWords.valueOf(task), step, first, count } });
  }

  reduceSlice({ worker, step, slice, roundShards }: EffectOf<"reduceSlice">): void {
    const { index, offset, length } = slice;
    this.#sessions.get(worker)?.send({ reduce: { step, slice: index, offset, length, roundShards } });
  }

  collect(effect: EffectOf<"collect">): void {
    const [reducer, source] = [this.#sessions.get(effect.worker), this.#sessions.get(effect.source)];
    if (reducer !== undefined && source !== undefined) this.#collects.add(reducer, effect, source);
  }

  /** Sends all pending collects to reducers immediately. */
  allAnnounced(): void {
    this.#collects.send();
  }

  commit(effect: CommitEffect): void {
    this.#collects.send();
    const send = this.#commitSender(effect);
    for (const worker of effect.workers) send(worker);
    for (const session of this.#sessions.values()) session.sums.release(effect.step);
  }

  /** Called when a worker asked to leave and all of its contributions have arrived. */
  drained(worker: WorkerId): void {
    this.#sessions.get(worker)?.send({ finish: { reason: "drained", completed: false, returning: false } });
  }

  /** Notifies all workers that the run is over. */
  finish(finish: Farewell): void {
    for (const session of this.#sessions.values()) session.send({ finish });
  }

  close(): void {
    this.#collects.close();
    for (const session of this.#sessions.values()) session.close();
    this.#sessions.clear();
  }

  /** Serializes a commit once for all workers, and separately for each worker that needs the address of a reducer. */
  #commitSender({ step, learningRate, scale, slices: reduced }: CommitEffect): (worker: WorkerId) => void {
    const slices = reduced.map(({ offset, length, reducer, checksum = 0 }) => ({
      offset,
      length,
      checksum,
      reducer: reducer === undefined ? undefined : this.#sessions.get(reducer),
    }));
    const message = (peer: (reducer: WorkerSession) => Peer): CoordinatorMessage => ({
      commit: {
        step,
        learningRate,
        scale,
        slices: slices.map(({ reducer, ...slice }) => ({
          ...slice,
          reducer: reducer === undefined ? null : peer(reducer),
        })),
      },
    });
    const common = writtenOnce(message(({ id }) => ({ workerId: id })));
    return (worker) => {
      const session = this.#sessions.get(worker);
      if (session === undefined) return;
      const knowsAll = slices.every(({ reducer }) => reducer === undefined || session.knows(reducer));
      session.send(knowsAll ? common : message((reducer) => session.introduce(reducer)));
    };
  }
}
