/**
 * The sums that one worker pushes. A push is read once the worker has announced the sum, and kept until the coordinator
 * requests it. Does not decide which sums are expected from the worker.
 */
import type { Clock, Timer } from "../../clock.js";
import type { TreeNode } from "../../collective/index.js";
import { CoxswainError } from "../../errors.js";
import { bulkTimeout } from "../../rpc/index.js";
import { SumDiffers } from "./sum-differs.js";

/** Limit on pushed sums that have not been requested yet: a worker announces at most a few nodes ahead of that. */
const earlyAllowed = 64;

/** Limit on their total size, bytes; two sums are always allowed. */
const earlyBytesAllowed = 256 * 1024 * 1024;

/** How long a push waits for its announcement, which was sent before it on another connection, ms. */
const announcementTimeout = 10_000;

/** A vector that a worker has delivered. */
export interface DeliveredSum {
  readonly vector: Float32Array;
  /** As it was sent; undefined if its chunks do not tell. */
  readonly checksum: number | undefined;
}

interface Awaited {
  readonly arrived: (sum: DeliveredSum) => void;
  readonly failed: (error: Error) => void;
}

const keyOf = (step: number, { first, count }: TreeNode): string => `${step}:${first}:${count}`;

/** How many vectors of this length may be kept before they are requested. */
const earlyLimit = ({ byteLength }: Float32Array): number =>
  Math.min(earlyAllowed, Math.max(2, Math.floor(earlyBytesAllowed / byteLength)));

export class PushedSums {
  readonly #worker: string;
  readonly #clock: Clock;
  /** Announced since the last lease, whether or not they are expected. */
  readonly #announced = new Set<string>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #awaited = new Map<string, Awaited>();
  /** Not requested yet; an error where two pushes differed. */
  readonly #early = new Map<string, DeliveredSum | SumDiffers>();
  /** The checksum of the first push of each sum of the step in flight. */
  readonly #first = new Map<string, number | undefined>();
  #closed = false;

  /** @param worker its id */
  constructor(worker: string, clock: Clock) {
    this.#worker = worker;
    this.#clock = clock;
  }

  /** The worker has announced a sum. */
  announced(step: number, node: TreeNode): void {
    const key = keyOf(step, node);
    this.#announced.add(key);
    for (const go of this.#waiting.get(key) ?? []) go();
  }

  /** The worker got a lease: it may announce the same sums again. */
  leased(): void {
    this.#announced.clear();
  }

  /** Resolves once the worker has announced a sum, or does not do so in time. */
  async whenAnnounced(step: number, node: TreeNode): Promise<void> {
    const key = keyOf(step, node);
    if (this.#announced.has(key) || this.#closed) return;
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting);
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        timer?.cancel();
        waiting.delete(go);
        if (waiting.size === 0) this.#waiting.delete(key);
        resolve();
      };
      waiting.add(go);
      timer = this.#clock.after(announcementTimeout, go);
    });
  }

  /**
   * Accepts a pushed sum, which may arrive before it is requested. The same push again has no effect.
   * @throws SumDiffers if it is not the same as an earlier push of this sum that was taken; CoxswainError "network" if the
   *   earlier one was not taken, which then fails with SumDiffers, and if too many sums are kept already
   */
  pushed(step: number, node: TreeNode, sum: DeliveredSum): void {
    const key = keyOf(step, node);
    const awaited = this.#awaited.get(key);
    if (this.#first.has(key) && this.#first.get(key) !== sum.checksum) {
      const differs = new SumDiffers(this.#worker, step, node, "was pushed twice, with different values");
      if (awaited === undefined && !this.#early.has(key)) throw differs;
      if (awaited === undefined) this.#early.set(key, differs);
      else awaited.failed(differs);
      throw new CoxswainError("network", differs.message);
    }
    if (awaited !== undefined) awaited.arrived(sum);
    else if (this.#early.has(key)) return;
    else if (this.#early.size < earlyLimit(sum.vector)) this.#early.set(key, sum);
    else throw new CoxswainError("network", `worker ${this.#worker} pushes sums that were not requested`);
    this.#first.set(key, sum.checksum);
  }

  /** The pushed sum of a node, with `size` elements; rejects if it does not arrive in time. */
  take(step: number, node: TreeNode, size: number): Promise<DeliveredSum> {
    const key = keyOf(step, node);
    const early = this.#early.get(key);
    this.#early.delete(key);
    if (early instanceof SumDiffers) return Promise.reject(early);
    if (early !== undefined) return Promise.resolve(early);
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        timer.cancel();
        this.#awaited.delete(key);
        act();
      };
      const fail = (error: Error): void => settle(() => reject(error));
      const late = (): void => fail(new CoxswainError("network", "nothing was pushed in time"));
      const timer = this.#clock.after(bulkTimeout(size * 4), late);
      this.#awaited.set(key, { arrived: (sum) => settle(() => resolve(sum)), failed: fail });
    });
  }

  /** What was pushed of a sum is not used: the worker may compute and push it again. */
  forget(step: number, node: TreeNode): void {
    this.#first.delete(keyOf(step, node));
  }

  /** Drops everything of steps up to `step`, which are over. */
  release(step: number): void {
    const isOver = (key: string): boolean => Number(key.split(":", 1)[0]) <= step;
    for (const kept of [this.#early, this.#first]) for (const key of kept.keys()) if (isOver(key)) kept.delete(key);
    for (const key of this.#announced) if (isOver(key)) this.#announced.delete(key);
    for (const [key, waiting] of [...this.#waiting]) if (isOver(key)) for (const go of [...waiting]) go();
  }

  /** Rejects everything that waits for the worker. */
  close(error: Error): void {
    this.#closed = true;
    for (const { failed } of [...this.#awaited.values()]) failed(error);
    for (const waiting of [...this.#waiting.values()]) for (const go of [...waiting]) go();
    this.#early.clear();
    this.#first.clear();
  }
}
