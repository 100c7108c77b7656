/**
 * Lets a process exit while its compute thread computes: terminating a thread that runs native code aborts the process
 * with a core dump instead of the exit code. So the exit waits for the computation in flight, and no other one begins.
 */

/** Places in the shared array. */
const computing = 0;
const closed = 1;

export class RestFlag {
  /** The shared array for the thread. */
  readonly shared: SharedArrayBuffer;
  readonly #state: Int32Array;

  private constructor(shared: SharedArrayBuffer) {
    this.shared = shared;
    this.#state = new Int32Array(shared);
  }

  static create(): RestFlag {
    return new RestFlag(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  }

  /** The thread's side. @param shared the array that it received */
  static of(shared: unknown): RestFlag {
    return shared instanceof SharedArrayBuffer ? new RestFlag(shared) : RestFlag.create();
  }

  /** In the thread. @returns whether it may compute */
  begin(): boolean {
    Atomics.add(this.#state, computing, 1);
    if (Atomics.load(this.#state, closed) === 0) return true;
    this.end();
    return false;
  }

  /** In the thread: its computation is over. */
  end(): void {
    Atomics.sub(this.#state, computing, 1);
    Atomics.notify(this.#state, computing);
  }

  /** In the main thread: returns when no computation runs or can begin, or after `timeout` ms. */
  wait(timeout: number): void {
    Atomics.store(this.#state, closed, 1);
    const end = performance.now() + timeout;
    for (;;) {
      const count = Atomics.load(this.#state, computing);
      const left = end - performance.now();
      if (count === 0 || left <= 0) return;
      Atomics.wait(this.#state, computing, count, left);
    }
  }
}
