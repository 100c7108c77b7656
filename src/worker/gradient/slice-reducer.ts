/**
 * Sums one slice of one step along the canonical tree: pulls it from every worker that has a part, in any order.
 * Independent of other slices. The coordinator decides whom to pull from.
 */
import { detach } from "../../async/index.js";
import {
  TreeSum,
  addRoundedTo,
  addTo,
  contains,
  describeNode,
  isNode,
  parent,
  sameNode,
} from "../../collective/index.js";
import type { TreeNode, VectorDtype, VectorPool } from "../../collective/index.js";
import { messageOf } from "../../errors.js";
import type { PeerOutput, PullOptions, PulledChecksum } from "../../rpc/index.js";
import type { StepRange } from "../transport.js";
import { unexpected } from "../unexpected.js";

/** Maximum number of concurrent pulls: enough to keep the network busy while summing, few enough to bound memory. */
const pullsAtOnce = 4;

export interface SliceReducerOptions extends StepRange {
  /** Index of the slice, from 0: each slice starts with a different source, so that they don't all wait for the same. */
  readonly slice: number;
  /** Shards of the whole tree. */
  readonly roundShards: number;
  /** The type that sums are rounded to and sent as. */
  readonly dtype: VectorDtype;
  /** Supplies vectors of `length` elements, which are returned to it. */
  readonly pool: VectorPool;
  /** This worker's id: its own sums are not pulled. */
  readonly workerId: string;
  /** All elements of this worker's own sum of a node; undefined if it has none. */
  readonly own: (step: number, node: TreeNode) => Float32Array | undefined;
  /** See `PeerCalls.pullContribution`. */
  readonly pull: (
    peer: PeerOutput,
    range: StepRange & { readonly node: TreeNode },
    into: Float32Array,
    options: PullOptions,
  ) => Promise<PulledChecksum>;
  /** Called once with the complete sum over all shards, valid until `close`; may be called before `collect` returns. */
  readonly onComplete: (sum: Float32Array) => void;
  /** A part could not be pulled and is still missing; it may be collected again. May be called before `collect` returns. */
  readonly onFailed: (failure: CollectFailure) => void;
}

export interface CollectFailure {
  readonly node: TreeNode;
  readonly source: PeerOutput;
  readonly reason: string;
}

/** The sum of a node's shards, and who has it. */
export interface Part {
  readonly node: TreeNode;
  readonly source: PeerOutput;
  /** Of the slice, as the source announced it. */
  readonly checksum: number;
}

interface Pull extends Part {
  readonly abort: AbortController;
}

export class SliceReducer {
  readonly #options: SliceReducerOptions;
  readonly #sum: TreeSum;
  #waiting: Part[] = [];
  /** Position in `#waiting`, used as a ring, from which to search for the next part. */
  #next: number;
  readonly #pulls = new Set<Pull>();
  #closed = false;

  constructor(options: SliceReducerOptions) {
    this.#options = options;
    this.#next = options.slice * pullsAtOnce;
    this.#sum = new TreeSum(options.roundShards, {
      precision: options.dtype,
      release: (vector) => options.pool.give(vector),
    });
  }

  /** The sum over all shards; undefined while some are missing, and after `close`. */
  get result(): Float32Array | undefined {
    return this.#sum.complete ? this.#sum.result() : undefined;
  }

  /**
   * Adds sums of nodes' shards that can be pulled. Duplicates are ignored.
   * @throws CoxswainError "network" if one is not a node of the tree
   */
  collect(parts: readonly Part[]): void {
    for (const part of parts) this.#want(part);
    this.#advance();
  }

  #want(part: Part): void {
    const { node, source } = part;
    if (!isNode(node, this.#options.roundShards)) {
      throw unexpected(`shards ${describeNode(node)} are not a node of the step's tree`);
    }
    if (this.#closed || this.#sum.covers(node)) return;
    if (source.workerId === this.#options.workerId) {
      this.#copy(part);
      return;
    }
    const isSame = (other: Part): boolean => sameNode(other.node, node) && other.source.workerId === source.workerId;
    if (this.#waiting.some(isSame) || [...this.#pulls].some(isSame)) return;
    this.#waiting.push(part);
  }

  /** Ends all pulls and returns the vectors to the pool. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
    for (const { abort } of this.#pulls) abort.abort();
    this.#sum.clear();
  }

  /** Starts as many pulls as possible. */
  #advance(): void {
    this.#waiting = this.#waiting.filter(({ node }) => !this.#sum.covers(node));
    while (this.#pulls.size < pullsAtOnce) {
      const next = this.#takeNext();
      if (next === undefined) return;
      detach(this.#pull(next), (error) => this.#options.onFailed({ ...next, reason: messageOf(error) }));
    }
  }

  /** Takes the next part that can be started. */
  #takeNext(): Part | undefined {
    const pulls = [...this.#pulls];
    // One at a time from each source, and not what is already coming from another.
    const isFree = ({ node, source }: Part): boolean =>
      !pulls.some((pull) => pull.source.workerId === source.workerId || contains(pull.node, node));
    const { length } = this.#waiting;
    for (let tried = 0; tried < length; tried++) {
      const index = (this.#next + tried) % length;
      const part = this.#waiting[index];
      if (part === undefined || !isFree(part)) continue;
      this.#next = index;
      this.#waiting.splice(index, 1);
      return part;
    }
    return undefined;
  }

  #copy(part: Part): void {
    const { step, offset, length, own, pool, dtype, onFailed } = this.#options;
    const whole = own(step, part.node);
    if (whole === undefined || offset + length > whole.length) {
      onFailed({ ...part, reason: "this worker does not hold it" });
      return;
    }
    const slice = whole.subarray(offset, offset + length);
    const vector = pool.take(length);
    // A leaf must be rounded before it is added.
    const partner = dtype === "bfloat16" && part.node.count === 1 ? undefined : this.#sum.partner(part.node);
    if (partner === undefined) vector.set(slice);
    else (dtype === "bfloat16" ? addRoundedTo : addTo)(vector, partner, slice);
    this.#add(part.node, vector, partner !== undefined);
  }

  async #pull(part: Part): Promise<void> {
    const { step, offset, length, pool, pull, onFailed } = this.#options;
    const { node, source } = part;
    const abort = new AbortController();
    const entry: Pull = { ...part, abort };
    this.#pulls.add(entry);
    const vector = pool.take(length);
    // Adding while receiving saves a write to memory and a read. The partner's sum can change meanwhile only because the
    // parent is complete: this result is then rejected.
    const addend = this.#sum.partner(node);
    let failure: string | undefined;
    try {
      const received = await pull(source, { step, node, offset, length }, vector, { addend, signal: abort.signal });
      if (received !== part.checksum) failure = `what ${source.workerId} sent is not what it announced`;
    } catch (error) {
      failure = messageOf(error);
    }
    this.#pulls.delete(entry);
    if (failure === undefined && !this.#closed) this.#add(node, vector, addend !== undefined);
    else pool.give(vector);
    // Not an error if it has arrived from another source meanwhile.
    if (this.#closed) return;
    if (failure !== undefined && !this.#sum.covers(node)) onFailed({ ...part, reason: failure });
    this.#advance();
  }

  /** @param withPartner whether it is the sum of the node and its sibling */
  #add(node: TreeNode, vector: Float32Array, withPartner: boolean): void {
    const { roundShards, pool, onComplete } = this.#options;
    const whole = (withPartner ? parent(node, roundShards) : undefined) ?? node;
    if (!this.#sum.add(whole, vector)) {
      pool.give(vector);
      return;
    }
    for (const pull of this.#pulls) if (this.#sum.covers(pull.node)) pull.abort.abort();
    if (this.#sum.complete) onComplete(this.#sum.result());
  }
}
