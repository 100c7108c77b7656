/** Detects stalled transfers, long before the deadline of a large object. */
import { status } from "@grpc/grpc-js";
import { CoxswainError } from "../errors.js";

/** Interval between checks, ms, and the number of consecutive checks without progress that make a stall. */
export const lookEvery = 1_000;
const patience = 5;

/** Detects five consecutive checks without progress. Independent of the clock. */
export class StallWatch {
  #before = 0;
  #idle = 0;

  /** @param received bytes so far */
  constructor(received: number) {
    this.begin(received);
  }

  /** Starts or restarts waiting. */
  begin(received: number): void {
    this.#before = received;
    this.#idle = 0;
  }

  /** @returns an error if the transfer has stalled */
  look(received: number): CoxswainError | undefined {
    this.#idle = received === this.#before ? this.#idle + 1 : 0;
    this.#before = received;
    if (this.#idle < patience) return undefined;
    const seconds = (patience * lookEvery) / 1000;
    return new CoxswainError("network", `a peer sent nothing for ${seconds} s, after ${received} bytes`);
  }
}

/**
 * Waits for `receiving`, and calls `end` when nothing has arrived for 5 s: the sender is frozen, the network is down,
 * or data was damaged so that this side waits for more than was sent. Checks are counted instead of time, so that a
 * suspended process does not blame its peer.
 * @param received returns the bytes so far
 * @param end must make `receiving` settle
 */
export async function unlessStalled<T>(
  receiving: Promise<T>,
  received: () => number,
  end: (error: CoxswainError) => void,
): Promise<T> {
  const watch = new StallWatch(received());
  const looking = setInterval(() => {
    const stalled = watch.look(received());
    if (stalled === undefined) return;
    clearInterval(looking);
    end(stalled);
  }, lookEvery);
  try {
    return await receiving;
  } finally {
    clearInterval(looking);
  }
}

/**
 * Whether to retry over a new connection: this one is broken, and gRPC would back off before it reconnects; or it
 * delivered damaged data or none, and its position in the stream is unknown.
 */
export const needsConnection = (error: unknown): boolean =>
  error instanceof CoxswainError
    ? error.code === "network"
    : error instanceof Error && "code" in error && error.code === status.UNAVAILABLE;
