/** The main thread's end of a compute thread: calls that wait for their answers, and the thread's end of life. */
import { SHARE_ENV, Worker } from "node:worker_threads";
import { atProcessExit } from "../../process-exit.js";
import { compiledModule } from "../../compiled.js";
import { CoxswainError, messageOf } from "../../errors.js";
import { unpackError } from "../../packed-error.js";
import { systemTrouble } from "../../system-errors.js";
import type { CallName, Calls, Reply } from "./messages.js";
import { RestFlag } from "./rest-flag.js";

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: CoxswainError) => void;
}

/** How long the process waits for a computation at its exit, ms. */
const longestRest = 60_000;

export class ThreadChannel {
  readonly #worker: Worker;
  readonly #rest = RestFlag.create();
  readonly #awaitRest = (): void => this.#rest.wait(longestRest);
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  /** Why calls can no longer be answered. */
  #ended: CoxswainError | null = null;

  /** @param entry the module that the thread runs; by default the compiled `entry.js` */
  constructor(entry: URL = compiledModule("compute/thread/entry.js")) {
    // TensorFlow's native library reads its settings from the process's environment, not from a thread's copy.
    this.#worker = new Worker(entry, { name: "coxswain-compute", env: SHARE_ENV, workerData: this.#rest.shared });
    const cancel = atProcessExit(this.#awaitRest);
    this.#worker.on("message", (reply: Reply) => this.#settle(reply));
    this.#worker.on("error", (error) => this.#end(crash(error)));
    this.#worker.on("exit", () => {
      cancel();
      this.#end(new CoxswainError("bug", "the compute thread has ended"));
    });
  }

  call<Name extends CallName>(name: Name, sent: Calls[Name]["sent"]): Promise<Calls[Name]["answer"]> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, name, sent });
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("error" in reply) waiting?.reject(unpackError(reply.error));
    else waiting?.resolve(reply.answer as never);
  }

  #end(why: CoxswainError): void {
    this.#ended ??= why;
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}

const crash = (error: unknown): CoxswainError =>
  systemTrouble(error) ?? new CoxswainError("bug", `the compute thread crashed: ${messageOf(error)}`, { cause: error });
