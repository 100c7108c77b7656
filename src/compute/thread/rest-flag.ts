/**
 * Lets a process end while its compute thread computes: native code whose thread is ended under it aborts the process, with
 * a core dump in place of the exit code. So the end waits for the computation in flight, and no other one begins.
 */

/** Places in the shared array. */
const computing = 0;
const closed = 1;

export class RestFlag {
  /** What the thread is given. */
  readonly shared: SharedArrayBuffer;
  readonly #state: Int32Array;

  private constructor(shared: SharedArrayBuffer) {
    this.shared = shared;
    this.#state = new Int32Array(shared);
  }

  static create(): RestFlag {
    return new RestFlag(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  }

  /** The thread's end of it. @param shared what it was given */
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

  /** In the thread: what it began is over. */
  end(): void {
    Atomics.sub(this.#state, computing, 1);
    Atomics.notify(this.#state, computing);
  }

  /** In the main thread: returns when nothing is computed any more, and nothing will be; or when `timeout` ms are over. */
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
