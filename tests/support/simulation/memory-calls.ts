/**
 * Calls over an in-memory network. Vectors are read when they arrive, as in slow transfers. Calls fail with a configured
 * probability.
 */
import { VectorAssembler, isWithin, vectorChunks } from "../../../src/collective/index.js";
import type { VectorDtype, VectorRange } from "../../../src/collective/index.js";
import { messageOf } from "../../../src/errors.js";
import { shardIndex } from "../../../src/ids.js";
import type { PullOptions, PulledChecksum, Wanted } from "../../../src/rpc/index.js";
import { CallFailed } from "../../../src/worker/index.js";
import type { Served } from "../../../src/worker/index.js";
import type { PulledVector } from "./delivery.js";
import type { MemoryNetwork } from "./memory-network.js";
import type { VirtualProcess } from "./virtual-clock.js";

export interface CallOptions<T> {
  /** See `Exchange.pulls`. */
  readonly pulls?: PulledVector;
  /** Runs in the caller's process when the answer has arrived. */
  readonly arrived?: (answer: T) => void;
  /** Runs when the call has ended, successfully or not. */
  readonly over?: () => void;
  readonly patience?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface ServerOf {
  readonly address: string;
  readonly key: string;
  readonly runId: string;
}

/** The open calls of one connection. */
export class Calls {
  readonly #network: MemoryNetwork;
  readonly #process: VirtualProcess;
  readonly #underWay = new Set<(error: Error) => void>();
  #closed = false;

  constructor(network: MemoryNetwork, process: VirtualProcess) {
    this.#network = network;
    this.#process = process;
  }

  /** Closes the connection; calls in progress reject. */
  close(): void {
    this.#closed = true;
    for (const fail of [...this.#underWay]) fail(new CallFailed("the connection was closed", false));
  }

  /** @param answer runs in the other process; if it throws, the call fails with that message */
  to<T>(other: VirtualProcess, answer: () => T, options: CallOptions<T> = {}): Promise<T> {
    const network = this.#network;
    const { random, delivery, stalled } = network.options;
    const patience = options.patience ?? stalled;
    return new Promise<T>((resolve, reject) => {
      const settle = (act: () => void): void => {
        if (!this.#underWay.delete(fail)) return;
        late?.cancel();
        closed();
        options.signal?.removeEventListener("abort", abort);
        options.over?.();
        act();
      };
      const fail = (error: Error): void => settle(() => reject(error));
      const abort = (): void => fail(new CallFailed("the call was given up", false));
      const lost = (reason: string): void =>
        void this.#process.arrive(network.delay(), () => fail(new CallFailed(reason, true)));
      const late =
        patience === undefined
          ? undefined
          : this.#process.arrive(patience, () => fail(new CallFailed("nothing came", true)));
      const closed = network.register({ process: this.#process, other, broken: () => lost("the connection broke") });
      this.#underWay.add(fail);
      options.signal?.addEventListener("abort", abort, { once: true });
      if (this.#closed) fail(new CallFailed("the connection was closed", false));
      else if (options.signal?.aborted) abort();
      else if (network.refuses(other)) lost("nothing listens there");
      else if (network.loses()) {
        const breaks = random() < 0.5;
        this.#process.arrive(2 * network.delay(), () => fail(new CallFailed("it was lost", breaks)));
      } else {
        let come = (): void => undefined;
        const serve = (): boolean => {
          if (!this.#underWay.has(fail)) return false;
          try {
            const answered = answer();
            come = () =>
              settle(() => {
                options.arrived?.(answered);
                resolve(answered);
              });
          } catch (error) {
            come = () => fail(new CallFailed(messageOf(error), false));
          }
          return true;
        };
        const { pulls } = options;
        delivery.exchange({ client: this.#process, server: other, pulls }, serve, () => come());
      }
    });
  }

  /** Calls a worker's own server, which answers members of its run that have its key. */
  toServer<T>(of: ServerOf, answer: (served: Served) => T, options: CallOptions<T> = {}): Promise<T> {
    const server = this.#network.server(of.address);
    if (server?.reachable !== true) return Promise.reject(new CallFailed(`nothing answers at ${of.address}`, true));
    return this.to(
      server.process,
      () => {
        const { served } = server;
        if (of.key !== server.key) throw new Error("wrong key");
        if (served?.runId !== of.runId) throw new Error("this worker takes part in another run, or none");
        return answer(served);
      },
      options,
    );
  }

  async pull(
    of: ServerOf,
    wanted: Wanted,
    into: Float32Array,
    dtype: VectorDtype,
    { addend, signal }: PullOptions = {},
  ): Promise<PulledChecksum> {
    let release = (): void => undefined;
    let checksum: PulledChecksum;
    await this.toServer(
      of,
      (served) => {
        const vector = find(served, wanted);
        if (vector.length !== into.length) throw new Error(`a vector of ${vector.length} elements, not ${into.length}`);
        release = served.hold(vector);
        return vector;
      },
      {
        pulls: pulledBy(wanted),
        arrived: (vector) => (checksum = copy(vector, into, dtype, addend)),
        over: () => release(),
        signal,
      },
    );
    return checksum;
  }
}

function pulledBy(wanted: Wanted): PulledVector {
  const slice = "slice" in wanted ? wanted.slice : undefined;
  const range = "contribution" in wanted ? wanted.contribution : slice;
  return { of: slice ? "reduced" : "contribution", offset: Number(range?.offset), length: Number(range?.length) };
}

function find(served: Served, wanted: Wanted): Float32Array {
  if ("slice" in wanted && wanted.slice) {
    const { step, offset, length } = wanted.slice;
    const slice = served.slice(Number(step), Number(offset), Number(length));
    if (slice !== undefined) return slice;
  } else if ("contribution" in wanted && wanted.contribution) {
    const { step, first, count, offset, length } = wanted.contribution;
    const range: VectorRange = { offset: Number(offset), length: Number(length) };
    const whole = served.contribution(Number(step), { first: shardIndex(Number(first)), count: Number(count) });
    if (whole !== undefined && isWithin(range, whole.length))
      return whole.subarray(range.offset, range.offset + range.length);
  }
  throw new Error("it is not here");
}

/** @returns the checksum of the vector as it was sent */
export function copy(
  vector: Float32Array,
  into: Float32Array,
  dtype: VectorDtype,
  addend?: Float32Array,
): PulledChecksum {
  const assembler = new VectorAssembler(into, dtype, addend);
  for (const chunk of vectorChunks(vector, dtype)) assembler.add(chunk);
  return assembler.finish();
}
