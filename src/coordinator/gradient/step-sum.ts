/**
 * Collects the gradient of the step in flight at the coordinator: the workers' sums for the canonical tree (star), or the
 * slices that workers have reduced (mesh). Does not decide what to fetch from whom.
 */
import { detach } from "../../async/index.js";
import { TreeSum, VectorPool, vectorBytes, vectorChecksum } from "../../collective/index.js";
import type { TreeNode, VectorDtype } from "../../collective/index.js";
import { CoxswainError, messageOf } from "../../errors.js";
import type { StepNumber } from "../../ids.js";
import type { Logger } from "../../telemetry/index.js";
import type { EffectOf, Event, SliceChecksums, WorkerId } from "../machine/index.js";
import type { RunRecorder } from "../record/recorder.js";
import { Trials } from "./trials.js";
import type { DeliveredSum } from "../service/pushed-sums.js";
import { SumDiffers } from "../service/sum-differs.js";
import type { Sessions } from "../service/worker-sessions.js";

/** Maximum number of concurrent transfers to the coordinator. */
const receivedAtOnce = 8;

export interface StepSumOptions {
  /** Elements of the flat gradient. */
  readonly size: number;
  readonly allReduceDtype: VectorDtype;
  readonly sessions: Pick<Sessions, "get">;
  readonly recorder: Pick<RunRecorder, "received" | "differs">;
  readonly logger: Logger;
  /** Receives which transfers succeeded or failed. */
  readonly dispatch: (event: Event) => void;
  /** Called with an unexpected error. */
  readonly onBug: (error: unknown) => void;
}

const keyOf = (worker: WorkerId, step: StepNumber, { first, count }: TreeNode): string =>
  `${worker} ${step}:${first}:${count}`;

export class StepSum {
  readonly #options: StepSumOptions;
  readonly #pool: VectorPool;
  /** Star: the tree of the sums. */
  #tree: { readonly step: StepNumber; readonly sum: TreeSum; readonly trials: Trials } | undefined;
  /** Mesh: the vector that the slices are gathered into. */
  #gathered: { readonly step: StepNumber; readonly vector: Float32Array } | undefined;
  /** Announced, not yet requested. */
  readonly #toReceive: EffectOf<"receive">[] = [];
  #receiving = 0;
  /** Received, not yet accepted. */
  readonly #inbox = new Map<string, Float32Array>();

  constructor(options: StepSumOptions) {
    this.#options = options;
    this.#pool = new VectorPool(options.size);
  }

  /** Begins a step with this many shards; no effect if it is already in flight. */
  open(step: StepNumber, shards: number): void {
    if (this.#tree?.step === step) return;
    const { allReduceDtype: precision } = this.#options;
    const release = (vector: Float32Array): void => this.#pool.give(vector);
    this.#tree?.trials.close();
    this.#tree = {
      step,
      sum: new TreeSum(shards, { precision, release }),
      trials: new Trials(shards, precision, release),
    };
    this.#gathered = undefined;
  }

  /** Fetches a contribution when its turn comes. */
  receive(effect: EffectOf<"receive">): void {
    // Pushed contributions arrive on their own and take no place in the queue.
    if (this.#options.sessions.get(effect.worker)?.pushes === true) {
      detach(this.#receive(effect), this.#options.onBug);
      return;
    }
    this.#toReceive.push(effect);
    this.#receiveNext();
  }

  /** Adds a received contribution to the tree. */
  accept({ worker, step, node }: EffectOf<"accept">): void {
    const key = keyOf(worker, step, node);
    const kept = this.#tree?.step === step ? this.#tree.trials.take(worker, node) : undefined;
    const vector = kept ?? this.#inbox.get(key);
    if (vector === undefined || this.#tree?.step !== step)
      throw new CoxswainError("bug", `accepted shards ${node.first}+${node.count} of step ${step}, which are not here`);
    if (this.#tree.sum.add(node, vector)) this.#inbox.delete(key);
    else if (kept !== undefined) this.#pool.give(kept);
  }

  /** Keeps a received contribution: whether it is right is not decided. */
  keep({ worker, step, node }: EffectOf<"keep">): void {
    const vector = this.#takeReceived(worker, step, node);
    if (vector !== undefined) this.#tree?.trials.keep(worker, node, vector);
  }

  /** Adds a received part to the sum that a worker computes again, and reports whose sums are the same. */
  try({ worker, step, node, whole }: EffectOf<"try">): void {
    const vector = this.#takeReceived(worker, step, node);
    if (vector === undefined) return;
    const same = this.#tree?.trials.add(worker, whole, node, vector);
    if (same !== undefined) this.#options.dispatch({ type: "tried", worker, step, node: whole, same });
  }

  /** Fetches a slice from the worker that has reduced it. */
  async gather({ worker, step, slice, checksum }: EffectOf<"gather">): Promise<void> {
    const { size, sessions, recorder, logger, allReduceDtype, dispatch } = this.#options;
    // Into a temporary vector: an abandoned pull of the same slice may still write.
    const part = this.#pool.take(slice.length);
    try {
      const session = sessions.get(worker);
      if (session === undefined) return;
      const received = await session.gather(step, slice, part, allReduceDtype);
      if (this.#tree?.step !== step) return;
      if (received !== checksum) throw new CoxswainError("network", "it differs from what the worker reported");
      recorder.received(vectorBytes(slice.length, allReduceDtype));
      if (this.#gathered?.step !== step) this.#gathered = { step, vector: new Float32Array(size) };
      this.#gathered.vector.set(part, slice.offset);
      dispatch({ type: "gathered", worker, step, slice: slice.index });
    } catch (error) {
      logger.warn({ worker, step, slice: slice.index, error: messageOf(error) }, "a reduced slice did not arrive");
      dispatch({ type: "gatherFailed", worker, step, slice: slice.index });
    } finally {
      this.#pool.give(part);
    }
  }

  /** The complete sum of the step over all shards, [size]; the caller owns it from then on. */
  take(step: StepNumber): Float32Array {
    if (this.#tree?.step !== step) throw new CoxswainError("bug", `no tree for step ${step}`);
    const vector = this.#tree.sum.complete ? this.#tree.sum.result() : this.#gathered?.vector;
    if (vector === undefined) throw new CoxswainError("bug", `step ${step} was reduced, but its sum is missing`);
    this.#tree.trials.close();
    this.#tree = undefined;
    this.#gathered = undefined;
    return vector;
  }

  /** Takes a received contribution of the step in flight out of the inbox. */
  #takeReceived(worker: WorkerId, step: StepNumber, node: TreeNode): Float32Array | undefined {
    const key = keyOf(worker, step, node);
    const vector = this.#inbox.get(key);
    if (this.#tree?.step !== step) return undefined;
    this.#inbox.delete(key);
    return vector;
  }

  /** Limits the concurrent transfers: many workers may announce more than fits into memory. */
  #receiveNext(): void {
    while (this.#receiving < receivedAtOnce) {
      const next = this.#toReceive.shift();
      if (next === undefined) return;
      this.#receiving++;
      const received = this.#receive(next).finally(() => {
        this.#receiving--;
        this.#receiveNext();
      });
      detach(received, this.#options.onBug);
    }
  }

  async #receive({ worker, step, node, expected }: EffectOf<"receive">): Promise<void> {
    const { sessions, allReduceDtype, logger, recorder, dispatch } = this.#options;
    const session = sessions.get(worker);
    if (session === undefined || this.#tree?.step !== step) return;
    const into = this.#pool.take();
    try {
      const sum = await session.receive(step, node, into, allReduceDtype);
      if (!this.#matches(sum, expected)) throw new SumDiffers(worker, step, node, "is not the one that it announced");
      const { vector } = sum;
      if (vector !== into) this.#pool.give(into);
      this.#received({ type: "received", worker, step, node }, vector);
    } catch (error) {
      this.#pool.give(into);
      logger.warn({ worker, step, ...node, error: messageOf(error) }, "a contribution did not arrive");
      const differs = error instanceof SumDiffers;
      session.sums.forget(step, node);
      if (differs) recorder.differs(worker, step, node, error.message);
      // From now on the worker pushes: its server may be unreachable.
      else session.pushes = true;
      dispatch({ type: "receiveFailed", worker, step, node, differs });
    }
  }

  /** Whether a sum is the one that was announced. */
  #matches({ vector, checksum }: DeliveredSum, { slices, checksums }: SliceChecksums): boolean {
    if (slices.length === 0) return checksum === checksums[0];
    return slices.every((begin, index) => {
      const slice = vector.subarray(begin, slices[index + 1]);
      return vectorChecksum(slice, this.#options.allReduceDtype) === checksums[index];
    });
  }

  #received(event: Extract<Event, { type: "received" }>, vector: Float32Array): void {
    const key = keyOf(event.worker, event.step, event.node);
    this.#options.recorder.received(vectorBytes(vector.length, this.#options.allReduceDtype));
    this.#inbox.set(key, vector);
    this.#options.dispatch(event);
    // It was not accepted.
    if (this.#inbox.delete(key)) this.#pool.give(vector);
  }
}
