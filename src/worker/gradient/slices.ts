/**
 * This worker's part in the mesh: the slices that it sums for everyone, and access to those that others sum. The
 * coordinator decides who sums what.
 */
import { vectorBytes, vectorChecksum } from "../../collective/index.js";
import type { VectorDtype } from "../../collective/index.js";
import { shardIndex } from "../../ids.js";
import type { CollectOutput, PeerOutput, ReduceOutput, ReducedSliceOutput, WorkerMessage } from "../../rpc/index.js";
import { CallFailed } from "../call-failed.js";
import type { Contributions } from "./contributions.js";
import { SliceReducer } from "./slice-reducer.js";
import { unexpected } from "../unexpected.js";
import type { MemberCalls } from "../transport.js";

export interface SlicesOptions {
  /** This worker's id. */
  readonly workerId: string;
  /** The sums that this worker has computed. */
  readonly contributions: Contributions;
  readonly dtype: VectorDtype;
  readonly calls: MemberCalls;
  readonly send: (message: WorkerMessage) => void;
  /** Called with the number of bytes of gradients that were pulled. */
  readonly onReceived: (bytes: number) => void;
}

interface Entry {
  readonly step: number;
  readonly offset: number;
  readonly length: number;
  readonly reducer: SliceReducer;
}

export class Slices {
  readonly #options: SlicesOptions;
  /** The addresses of other workers from the coordinator, by id. */
  readonly #addresses = new Map<string, PeerOutput>();
  /** By step and slice. */
  readonly #entries = new Map<string, Entry>();

  constructor(options: SlicesOptions) {
    this.#options = options;
  }

  /** Begins to sum a slice. */
  reduce({ step, slice, offset, length, roundShards }: ReduceOutput): void {
    const { workerId, contributions, dtype, calls, send } = this.#options;
    const key = `${step}:${slice}`;
    if (this.#entries.has(key)) return;
    const reducer = new SliceReducer({
      step,
      offset,
      length,
      roundShards,
      dtype,
      pool: contributions.pool,
      workerId,
      own: (of, node) => contributions.get(of, node),
      slice,
      pull: async (peer, range, into, pullOptions) => {
        const checksum = await calls.peers.pullContribution(peer, range, into, pullOptions);
        this.#received(into.length);
        return checksum;
      },
      onComplete: (sum) => send({ sliceReduced: { step, slice, checksum: vectorChecksum(sum, dtype) } }),
      onFailed: ({ node, source, reason }) =>
        send({ collectFailed: { step, slice, ...node, source: source.workerId, reason } }),
    });
    this.#entries.set(key, { step, offset, length, reducer });
  }

  /** Other parts of a slice can be pulled. */
  collect({ step, slice, parts }: CollectOutput): void {
    const wanted = parts.flatMap(({ first, count, source, checksum }) => {
      const peer = this.#known(source);
      return peer === null ? [] : [{ node: { first: shardIndex(first), count }, source: peer, checksum }];
    });
    this.#entries.get(`${step}:${slice}`)?.reducer.collect(wanted);
  }

  /** A slice's sum, [length]; undefined if it is not complete, or not this worker's. */
  get(step: number, offset: number, length: number): Float32Array | undefined {
    for (const entry of this.#entries.values()) {
      const { result } = entry.reducer;
      const within = entry.offset <= offset && offset + length <= entry.offset + entry.length;
      if (entry.step === step && within && result !== undefined)
        return result.subarray(offset - entry.offset, offset - entry.offset + length);
    }
    return undefined;
  }

  /** Gathers a step's reduced gradient; slices that a reducer does not deliver are pulled from the coordinator. */
  async gather(step: number, slices: readonly ReducedSliceOutput[], into: Float32Array): Promise<void> {
    const last = slices.at(-1);
    if (last !== undefined && last.offset + last.length !== into.length)
      throw unexpected(`the slices of step ${step} end at element ${last.offset + last.length} of ${into.length}`);
    const whole = [{ offset: 0, length: into.length, reducer: null, checksum: 0 }];
    await Promise.all((slices.length === 0 ? whole : slices).map((slice) => this.#gatherSlice(step, slice, into)));
  }

  /** Keeps only what others may still pull: the sums of the newest final step. */
  release(step: number): void {
    for (const [key, entry] of this.#entries) {
      if (entry.step >= step) continue;
      entry.reducer.close();
      this.#entries.delete(key);
    }
  }

  close(): void {
    for (const { reducer } of this.#entries.values()) reducer.close();
    this.#entries.clear();
  }

  /** The address of a worker, from this message or an earlier one. */
  #known(peer: PeerOutput | null): PeerOutput | null {
    if (peer !== null && peer.address !== "") this.#addresses.set(peer.workerId, peer);
    return peer === null ? null : (this.#addresses.get(peer.workerId) ?? peer);
  }

  async #gatherSlice(
    step: number,
    { offset, length, reducer: named, checksum }: ReducedSliceOutput,
    into: Float32Array,
  ): Promise<void> {
    const { coordinator, peers } = this.#options.calls;
    const reducer = this.#known(named);
    const part = into.subarray(offset, offset + length);
    const own = this.get(step, offset, length);
    if (own !== undefined) {
      part.set(own);
      return;
    }
    if (reducer !== null) {
      try {
        const received = await peers.pullSlice(reducer, { step, offset, length }, part);
        this.#received(length);
        if (received === checksum) return;
      } catch (error) {
        if (!(error instanceof CallFailed)) throw error;
      }
      // The worker is gone, unreachable or sends another sum than it reported: the coordinator has the slice, too.
    }
    await coordinator.pullReduced(step, offset, part);
    this.#received(length);
  }

  #received(elements: number): void {
    this.#options.onReceived(vectorBytes(elements, this.#options.dtype));
  }
}
