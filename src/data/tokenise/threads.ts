/** Tokenises lines in several threads, each with a tokenizer of its own. */
import { Worker } from "node:worker_threads";
import { PendingCalls } from "../../async/index.js";
import { compiledModule } from "../../compiled.js";
import { CoxswainError, messageOf } from "../../errors.js";
import { unpackError } from "../../packed-error.js";
import { systemTrouble } from "../../system-errors.js";
import type { LineTokeniser } from "./line.js";
import type { Reply, Request, ThreadSettings } from "./messages.js";
import { packLines, unpackTokens } from "./packed-lines.js";

/** One thread, and the calls that it has not answered. */
class TokeniserThread {
  readonly #worker: Worker;
  readonly #calls = new PendingCalls();

  constructor(settings: ThreadSettings, entry: URL) {
    this.#worker = new Worker(entry, { name: "coxswain-tokenise", workerData: settings });
    this.#worker.on("message", (reply: Reply) => this.#settle(reply));
    this.#worker.on("error", (error) => this.#calls.end(crash(error)));
    this.#worker.on("exit", () => this.#calls.end(new CoxswainError("bug", "a tokenising thread has ended")));
  }

  /** Calls that it has not answered. */
  get load(): number {
    return this.#calls.size;
  }

  tokenise: LineTokeniser = (lines) =>
    this.#calls.call((id) => this.#worker.postMessage({ id, ...packLines(lines) } satisfies Request));

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(reply: Reply): void {
    if ("error" in reply) this.#calls.fail(reply.id, unpackError(reply.error));
    else this.#calls.answer(reply.id, unpackTokens(reply.tokens));
  }
}

const crash = (error: unknown): CoxswainError =>
  systemTrouble(error) ??
  new CoxswainError("bug", `a tokenising thread crashed: ${messageOf(error)}`, { cause: error });

export interface TokeniserThreads {
  /** By the thread that has least to do. */
  readonly tokenise: LineTokeniser;
  close(): Promise<void>;
}

/** @param entry the module that each thread runs; by default the compiled `entry.js` */
export function startTokeniserThreads(
  count: number,
  settings: ThreadSettings,
  entry: URL = compiledModule("data/tokenise/entry.js"),
): TokeniserThreads {
  const threads = Array.from({ length: count }, () => new TokeniserThread(settings, entry));
  return {
    tokenise: (lines) => {
      const [least] = threads.toSorted((a, b) => a.load - b.load);
      if (least === undefined) throw new RangeError("no tokenising thread");
      return least.tokenise(lines);
    },
    close: async () => {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}
