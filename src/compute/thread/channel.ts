/** The main thread's end of a compute thread: calls that wait for their answers, and the thread's end of life. */
import { existsSync } from "node:fs";
import { SHARE_ENV, Worker } from "node:worker_threads";
import { CoxswainError, messageOf } from "../../errors.js";
import { unpackError, type CallName, type Calls, type Reply } from "./messages.js";

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: CoxswainError) => void;
}

export class ThreadChannel {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  /** Why no call can be answered any more. */
  #ended: CoxswainError | null = null;

  /** @param entry the module that the thread runs; by default the compiled `entry.js` */
  constructor(entry: URL = compiledEntry()) {
    // TensorFlow's native library reads its settings from the process's environment, not from a thread's copy.
    this.#worker = new Worker(entry, { name: "coxswain-compute", env: SHARE_ENV });
    this.#worker.on("message", (reply: Reply) => this.#settle(reply));
    this.#worker.on("error", (error) => this.#end(`the compute thread crashed: ${messageOf(error)}`));
    this.#worker.on("exit", () => this.#end("the compute thread has ended"));
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

  #end(message: string): void {
    this.#ended ??= new CoxswainError("bug", message);
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}

/**
 * Beside this module once compiled. Where the TypeScript sources are run (by the tests), the compiled entry stands in
 * `dist`: Node cannot start a thread from TypeScript.
 */
function compiledEntry(): URL {
  const candidates = [
    new URL("./entry.js", import.meta.url),
    new URL("../../../dist/compute/thread/entry.js", import.meta.url),
  ];
  const entry = candidates.find((url) => existsSync(url));
  if (entry !== undefined) return entry;
  throw new CoxswainError("bug", "the compute thread's compiled entry is missing", { hint: "Run: npm run build" });
}
