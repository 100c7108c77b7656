/**
 * The pending pulls of one stream, and the destinations of received bytes: answers arrive in the order of requests.
 * Handles chunks and vectors; independent of the stream, the clock, and what is pulled.
 */
import { VectorAssembler, vectorBytes } from "../collective/index.js";
import type { Chunk, ChunkHead, VectorDtype } from "../collective/index.js";
import { CoxswainError } from "../errors.js";
import type { ChunkSink } from "./direct.js";

/** The peer does not have the vector, or refuses to send it. The stream and the connection are intact. */
export class PullRefused extends Error {
  override readonly name = "PullRefused";
}

export interface PullOptions {
  /** A vector that is added to the received one as it arrives, rounded to the dtype: `into` becomes the sum. */
  readonly addend?: Float32Array | undefined;
  /** Cancels the pull. */
  readonly signal?: AbortSignal | undefined;
}

interface Pull {
  readonly number: number;
  /** Size of the vector on the wire. */
  readonly bytes: number;
  readonly assembler: VectorAssembler;
  readonly settle: (error?: Error) => void;
}

/** The checksum of a pulled vector as it was sent, see `VectorAssembler.finish`. */
export type PulledChecksum = number | undefined;

/** Request numbers have 32 bits. */
const numbers = 2 ** 32;

export class PullQueue implements ChunkSink {
  readonly #onIdle: () => void;
  #pulls: Pull[] = [];
  #last = 0;
  #received = 0;

  /** @param onIdle called when no answer is pending */
  constructor(onIdle: () => void = () => undefined) {
    this.#onIdle = onIdle;
  }

  /** Number of pulls without a complete answer, including cancelled ones. */
  get size(): number {
    return this.#pulls.length;
  }

  /** The pull whose answer is next or in progress: its number and the bytes of its vector. */
  get first(): { readonly number: number; readonly bytes: number } | undefined {
    return this.#pulls[0];
  }

  /** Total bytes received. */
  get received(): number {
    return this.#received;
  }

  /**
   * Enqueues a pull.
   * @param into the destination, written to until `done` settles, and never afterwards
   * @returns the number that its request must have. `done` resolves with the vector's checksum; it rejects with `PullRefused` if the peer refuses, immediately
   *   with the signal's reason when the pull is cancelled, and with the error passed to `fail`
   */
  push(
    into: Float32Array,
    dtype: VectorDtype,
    { addend, signal }: PullOptions = {},
  ): { readonly number: number; readonly done: Promise<PulledChecksum> } {
    const number = (this.#last + 1) % numbers;
    const assembler = new VectorAssembler(into, dtype, addend);
    this.#last = number;
    const done = new Promise<PulledChecksum>((resolve, reject) => {
      const settle = (error?: Error): void => {
        // Even if it failed halfway: the caller owns its vectors again.
        assembler.discard();
        signal?.removeEventListener("abort", giveUp);
        if (error === undefined) resolve(assembler.finish());
        else reject(error);
      };
      const giveUp = (): void => settle(abortReason(signal));
      signal?.addEventListener("abort", giveUp, { once: true });
      this.#pulls.push({ number, bytes: vectorBytes(into.length, dtype), assembler, settle });
    });
    return { number, done };
  }

  /** The stream has ended: rejects every pull. */
  fail(error: Error): void {
    const pulls = this.#pulls;
    this.#pulls = [];
    for (const { settle } of pulls) settle(error);
    this.#onIdle();
  }

  /**
   * Begins the next chunk, with `length` bytes of payload.
   * @throws CoxswainError "network" for anything that was not requested, and as `VectorAssembler`; the position in the
   *   stream is then unknown, and nothing more must be read from it
   */
  begin(head: ChunkHead, length: number): void {
    const pull = this.#answered(head);
    pull.assembler.begin(head, length);
    if (pull.assembler.complete) this.#next();
  }

  /** The next bytes of the current chunk. Throws as `begin` does. */
  take(bytes: Uint8Array): void {
    const [pull] = this.#pulls;
    if (pull === undefined) throw unasked("bytes");
    this.#received += bytes.length;
    pull.assembler.take(bytes);
    if (pull.assembler.complete) this.#next();
  }

  /** A whole chunk, or a refusal. Throws as `begin` does. */
  add(chunk: Chunk): void {
    if (chunk.refusal !== undefined) {
      const pull = this.#answered(chunk);
      if (pull.assembler.received > 0) throw unasked("a refusal in the middle of a vector");
      // An empty one counts as a sign of life too.
      this.#received += 1 + chunk.refusal.length;
      this.#next(new PullRefused(chunk.refusal));
      return;
    }
    this.begin(chunk, chunk.payload.length);
    if (chunk.payload.length > 0) this.take(chunk.payload);
  }

  /** The first pull, if the chunk belongs to it. */
  #answered({ pull: number = 0 }: ChunkHead): Pull {
    const [pull] = this.#pulls;
    if (pull === undefined) throw unasked("a chunk");
    if (pull.number !== number) throw unasked(`a chunk of request ${number} instead of ${pull.number}`);
    return pull;
  }

  /** Completes the first pull. */
  #next(error?: Error): void {
    this.#pulls.shift()?.settle(error);
    if (this.#pulls.length === 0) this.#onIdle();
  }
}

const unasked = (what: string): CoxswainError =>
  new CoxswainError("network", `a peer sent something that was not requested: ${what}`, {
    hint: "The peer does not run this version of coxswain, or something in between damages data.",
  });

const abortReason = (signal: AbortSignal | undefined): Error =>
  signal?.reason instanceof Error ? signal.reason : new CoxswainError("network", "the pull was cancelled");
