/**
 * The pulls that are under way on one stream, and where the bytes that come go: answers come in the order of requests.
 * Knows chunks and vectors; no stream, no clock, and not what is pulled.
 */
import { VectorAssembler, vectorBytes } from "../collective/index.js";
import type { Chunk, ChunkHead, VectorDtype } from "../collective/index.js";
import { CoxswainError } from "../errors.js";
import type { ChunkSink } from "./direct.js";

/** The other side does not have the vector, or does not give it. The stream stands, and the connection is not to blame. */
export class PullRefused extends Error {
  override readonly name = "PullRefused";
}

export interface PullOptions {
  /** A vector to which what comes is added on its way, rounded to the dtype: `into` is the sum. */
  readonly addend?: Float32Array | undefined;
  /** Gives the pull up. */
  readonly signal?: AbortSignal | undefined;
}

interface Pull {
  readonly number: number;
  /** Of the vector on the wire. */
  readonly bytes: number;
  readonly assembler: VectorAssembler;
  readonly settle: (error?: Error) => void;
}

/** Numbers of requests are 32 bits. */
const numbers = 2 ** 32;

export class PullQueue implements ChunkSink {
  readonly #onIdle: () => void;
  #pulls: Pull[] = [];
  #last = 0;
  #received = 0;

  /** @param onIdle nothing is to come any more */
  constructor(onIdle: () => void = () => undefined) {
    this.#onIdle = onIdle;
  }

  /** Pulls whose answers have not come, those that were given up included. */
  get size(): number {
    return this.#pulls.length;
  }

  /** The pull whose answer is next, or is coming: its number and the bytes of its vector. */
  get first(): { readonly number: number; readonly bytes: number } | undefined {
    return this.#pulls[0];
  }

  /** Bytes that have come in all. */
  get received(): number {
    return this.#received;
  }

  /**
   * A vector is to come, after those that are to come already.
   * @param into what comes is written here until `done` settles, and never afterwards
   * @returns the number that its request must have. `done` rejects with `PullRefused` when the other side does not give
   *   it, with the signal's reason at once when it is given up, and with what `fail` was called with
   */
  push(
    into: Float32Array,
    dtype: VectorDtype,
    { addend, signal }: PullOptions = {},
  ): { readonly number: number; readonly done: Promise<void> } {
    const number = (this.#last + 1) % numbers;
    const assembler = new VectorAssembler(into, dtype, addend);
    this.#last = number;
    const done = new Promise<void>((resolve, reject) => {
      const settle = (error?: Error): void => {
        // Also where it failed in the middle: the caller has its vectors back.
        assembler.discard();
        signal?.removeEventListener("abort", giveUp);
        if (error === undefined) resolve();
        else reject(error);
      };
      const giveUp = (): void => settle(abortReason(signal));
      signal?.addEventListener("abort", giveUp, { once: true });
      this.#pulls.push({ number, bytes: vectorBytes(into.length, dtype), assembler, settle });
    });
    return { number, done };
  }

  /** The stream has ended: every pull rejects. */
  fail(error: Error): void {
    const pulls = this.#pulls;
    this.#pulls = [];
    for (const { settle } of pulls) settle(error);
    this.#onIdle();
  }

  /**
   * The next chunk is coming, with `length` bytes of payload.
   * @throws CoxswainError "network" for what nobody asked for, and as `VectorAssembler`; the position in the stream is not
   *   known then, and nothing more must be taken from it
   */
  begin(head: ChunkHead, length: number): void {
    const pull = this.#answered(head);
    pull.assembler.begin(head, length);
    if (pull.assembler.complete) this.#next();
  }

  /** The next bytes of the chunk that has begun. Throws likewise. */
  take(bytes: Uint8Array): void {
    const [pull] = this.#pulls;
    if (pull === undefined) throw unasked("bytes");
    this.#received += bytes.length;
    pull.assembler.take(bytes);
    if (pull.assembler.complete) this.#next();
  }

  /** A whole chunk, or a refusal. Throws likewise. */
  add(chunk: Chunk): void {
    if (chunk.refusal !== undefined) {
      const pull = this.#answered(chunk);
      if (pull.assembler.received > 0) throw unasked("a refusal in the middle of a vector");
      // Also an empty one is a sign of life.
      this.#received += 1 + chunk.refusal.length;
      this.#next(new PullRefused(chunk.refusal));
      return;
    }
    this.begin(chunk, chunk.payload.length);
    if (chunk.payload.length > 0) this.take(chunk.payload);
  }

  /** The first pull, if it is the one that a chunk belongs to. */
  #answered({ pull: number = 0 }: ChunkHead): Pull {
    const [pull] = this.#pulls;
    if (pull === undefined) throw unasked("a chunk");
    if (pull.number !== number) throw unasked(`a chunk of request ${number} where ${pull.number} is next`);
    return pull;
  }

  /** The first pull is answered. */
  #next(error?: Error): void {
    this.#pulls.shift()?.settle(error);
    if (this.#pulls.length === 0) this.#onIdle();
  }
}

const unasked = (what: string): CoxswainError =>
  new CoxswainError("network", `a peer sent what nobody asked for: ${what}`, {
    hint: "The peer is no coxswain of this version, or something between damages data.",
  });

const abortReason = (signal: AbortSignal | undefined): Error =>
  signal?.reason instanceof Error ? signal.reason : new CoxswainError("network", "the pull was given up");
