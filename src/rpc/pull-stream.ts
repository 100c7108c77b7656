/**
 * The receiver's side of a pull stream (`Worker.Pull`): one long-lived call that carries any number of vectors in
 * sequence. Independent of the peer and of what is pulled.
 */
import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { Chunk, VectorDtype } from "../collective/index.js";
import { CoxswainError } from "../errors.js";
import { bulkTimeout } from "./bulk.js";
import { readChunks } from "./direct.js";
import { PullQueue } from "./pull-queue.js";
import type { PullOptions, PulledChecksum } from "./pull-queue.js";
import { StallWatch, lookEvery } from "./stall.js";
import type { PullRequest } from "./types.js";

/** The request without its number, which the stream assigns. */
export type Wanted = Pick<PullRequest, "contribution"> | Pick<PullRequest, "slice">;

export class PullStream {
  readonly #call: ClientDuplexStream<PullRequest, Chunk>;
  readonly #queue = new PullQueue(() => this.#rest());
  readonly #watch = new StallWatch(0);
  /** Runs while pulls are pending. */
  #looking: NodeJS.Timeout | undefined;
  /** The number of the first pull at the last check, and the checks of it so far. */
  #first = 0;
  #looks = 0;
  #failure: Error | undefined;

  /** @param call a call that has just begun; this object owns it */
  constructor(call: ClientDuplexStream<PullRequest, Chunk>) {
    this.#call = call;
    readChunks(call, this.#queue, (error) => this.#end(error instanceof Error ? error : new Error(String(error))));
    call.on("error", (error) => this.#end(error));
    call.once("end", () => this.#end(new CoxswainError("network", "a peer ended its stream of vectors")));
  }

  /** Why the stream has ended; undefined while it is open. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * Pulls a vector. Pulls may overlap; answers arrive in order. When it rejects, the contents of `into` are undefined.
   * @param into the destination; its length must match the peer's. Nothing is written after the promise settles
   * @returns the vector's checksum
   * @throws PullRefused if the peer refuses; the signal's reason, immediately, when the pull is cancelled;
   *   CoxswainError "network" and gRPC errors when the stream has ended along with all its pulls: after damage, 5 s of
   *   silence, or when a vector takes longer than `bulkTimeout`, counted from its turn
   */
  async pull(
    wanted: Wanted,
    into: Float32Array,
    dtype: VectorDtype,
    options: PullOptions = {},
  ): Promise<PulledChecksum> {
    options.signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    const { number, done } = this.#queue.push(into, dtype, options);
    if (this.#looking === undefined) this.#startLooking();
    this.#call.write({ number, ...wanted });
    return done;
  }

  /** Ends the stream; pending pulls reject. */
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
