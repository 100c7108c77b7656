/** The main thread's end of a compute thread: calls that wait for their answers, and the thread's end of life. */
import { SHARE_ENV, Worker } from "node:worker_threads";
import { PendingCalls } from "../../async/index.js";
import { atProcessExit } from "../../process-exit.js";
import { compiledModule } from "../../compiled.js";
import { CoxswainError, messageOf } from "../../errors.js";
import { unpackError } from "../../packed-error.js";
import { systemTrouble } from "../../system-errors.js";
import type { CallName, Calls, Reply } from "./messages.js";
import { RestFlag } from "./rest-flag.js";

/** How long the process waits for a computation at its exit, ms. */
const longestRest = 60_000;

export class ThreadChannel {
  readonly #worker: Worker;
  readonly #rest = RestFlag.create();
  readonly #awaitRest = (): void => this.#rest.wait(longestRest);
  readonly #calls = new PendingCalls();

  /** @param entry the module that the thread runs; by default the compiled `entry.js` */
  constructor(entry: URL = compiledModule("compute/thread/entry.js")) {
    // TensorFlow's native library reads its settings from the process's environment, not from a thread's copy.
    this.#worker = new Worker(entry, { name: "coxswain-compute", env: SHARE_ENV, workerData: this.#rest.shared });
    const cancel = atProcessExit(this.#awaitRest);
    this.#worker.on("message", (reply: Reply) => this.#settle(reply));
    this.#worker.on("error", (error) => this.#calls.end(crash(error)));
    this.#worker.on("exit", () => {
      cancel();
      this.#calls.end(new CoxswainError("bug", "the compute thread has ended"));
    });
  }

  call<Name extends CallName>(name: Name, sent: Calls[Name]["sent"]): Promise<Calls[Name]["answer"]> {
    return this.#calls.call((id) => this.#worker.postMessage({ id, name, sent }));
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(reply: Reply): void {
    if ("error" in reply) this.#calls.fail(reply.id, unpackError(reply.error));
    else this.#calls.answer(reply.id, reply.answer);
  }
}

const crash = (error: unknown): CoxswainError =>
  systemTrouble(error) ?? new CoxswainError("bug", `the compute thread crashed: ${messageOf(error)}`, { cause: error });
