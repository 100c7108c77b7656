/**
 * The receiver's end of a stream of pulls (`Worker.Pull`): one call for as long as it stands, any number of vectors one
 * after another. Knows the call and its end; not whom it goes to, nor what is pulled.
 */
import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { Chunk, VectorDtype } from "../collective/index.js";
import { CoxswainError } from "../errors.js";
import { bulkTimeout } from "./bulk.js";
import { readChunks } from "./direct.js";
import { PullQueue } from "./pull-queue.js";
import type { PullOptions } from "./pull-queue.js";
import { StallWatch, lookEvery } from "./stall.js";
import type { PullRequest } from "./types.js";

/** What is wanted: its number is the stream's to give. */
export type Wanted = Pick<PullRequest, "contribution"> | Pick<PullRequest, "slice">;

export class PullStream {
  readonly #call: ClientDuplexStream<PullRequest, Chunk>;
  readonly #queue = new PullQueue(() => this.#rest());
  readonly #watch = new StallWatch(0);
  /** Runs while pulls are under way. */
  #looking: NodeJS.Timeout | undefined;
  /** The pull that was the first at the last look, and looks at it so far. */
  #first = 0;
  #looks = 0;
  #failure: Error | undefined;

  /** @param call one that has just begun; nobody else may use it */
  constructor(call: ClientDuplexStream<PullRequest, Chunk>) {
    this.#call = call;
    readChunks(call, this.#queue, (error) => this.#end(error instanceof Error ? error : new Error(String(error))));
    call.on("error", (error) => this.#end(error));
    call.once("end", () => this.#end(new CoxswainError("network", "a peer has ended its stream of vectors")));
  }

  /** Why the stream has ended; undefined while it stands. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * Pulls a vector. Pulls may overlap; their answers come in order. When it rejects, what `into` holds is of no use.
   * @param into where to put it; the other side must agree with its length. Nothing is written once this has settled
   * @throws PullRefused when the other side does not give it; the signal's reason at once when it is given up; CoxswainError
   *   "network" and gRPC errors when the stream has ended, with everything that was under way on it: for damage, for
   *   silence of 5 s, and when a vector takes longer than `bulkTimeout` once it is its turn
   */
  async pull(wanted: Wanted, into: Float32Array, dtype: VectorDtype, options: PullOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    const { number, done } = this.#queue.push(into, dtype, options);
    if (this.#looking === undefined) this.#startLooking();
    this.#call.write({ number, ...wanted });
    await done;
  }

  /** Ends the stream; what is under way rejects. */
  close(): void {
    this.#end(new CoxswainError("network", "the stream was closed"));
  }

  #startLooking(): void {
    this.#watch.begin(this.#queue.received);
    this.#looking = setInterval(() => this.#look(), lookEvery);
  }

  #look(): void {
    const { first } = this.#queue;
    if (first === undefined) return;
    this.#looks = first.number === this.#first ? this.#looks + 1 : 0;
    this.#first = first.number;
    const stalled = this.#watch.look(this.#queue.received);
    const isLate = this.#looks * lookEvery > bulkTimeout(first.bytes);
    if (stalled !== undefined) this.#end(stalled);
    else if (isLate)
      this.#end(new CoxswainError("network", `a vector of ${first.bytes} bytes took longer than ${this.#looks} s`));
  }

  #rest(): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #end(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#queue.fail(error);
    this.#call.cancel();
  }
}
