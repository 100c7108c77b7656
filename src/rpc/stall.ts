/** An end to waiting for bytes that stop coming, long before the deadline of a large object would end it. */
import { status } from "@grpc/grpc-js";
import { CoxswainError } from "../errors.js";

/** How often it is looked, ms, and how many looks in a row must find nothing new. */
export const lookEvery = 1_000;
const patience = 5;

/** Looks, and says when nothing has come in five of them in a row. Knows no clock. */
export class StallWatch {
  #before = 0;
  #idle = 0;

  /** @param received bytes so far */
  constructor(received: number) {
    this.begin(received);
  }

  /** Waiting begins (anew). */
  begin(received: number): void {
    this.#before = received;
    this.#idle = 0;
  }

  /** @returns what to end the waiting with, where it is to end */
  look(received: number): CoxswainError | undefined {
    this.#idle = received === this.#before ? this.#idle + 1 : 0;
    this.#before = received;
    if (this.#idle < patience) return undefined;
    const seconds = (patience * lookEvery) / 1000;
    return new CoxswainError("network", `a peer sent nothing for ${seconds} s, after ${received} bytes`);
  }
}

/**
 * Waits for `receiving`, and calls `end` when nothing has come for 5 s: the sender is frozen, the network cut, or what
 * came is damaged so that this side waits for more than was sent. Looks are counted, not time: a process that slept
 * itself has not looked.
 * @param received bytes so far
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
 * Whether what failed is to be tried again over a fresh connection: this one does not stand, and gRPC would pause before
 * it tries it again, or it brought damage or nothing, and where its frames begin is not known any more.
 */
export const needsConnection = (error: unknown): boolean =>
  error instanceof CoxswainError
    ? error.code === "network"
    : error instanceof Error && "code" in error && error.code === status.UNAVAILABLE;
