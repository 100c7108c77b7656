/** Computes something in a process of its own: what it needs is not mixed with what this one has. */
import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CoxswainError, type ErrorCode } from "../errors.js";
import type { LossAnswer, LossProbe, ProbeReply, ProbeRequest, StepAnswer, StepProbe } from "./probe-messages.js";

export interface ProbeOptions {
  /** Ends the process. */
  readonly signal?: AbortSignal;
}

export function probe(request: StepProbe, options?: ProbeOptions): Promise<StepAnswer>;
export function probe(request: LossProbe, options?: ProbeOptions): Promise<LossAnswer>;
/**
 * @throws CoxswainError what went wrong there; "model" where the process was ended from outside, as the system does when
 *   memory is used up
 */
export function probe(request: ProbeRequest, { signal }: ProbeOptions = {}): Promise<StepAnswer | LossAnswer> {
  return new Promise((resolve, reject) => {
    const child = fork(entry(), {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      ...(signal === undefined ? {} : { signal }),
    });
    let reply: ProbeReply | undefined;
    child.on("message", (message: ProbeReply) => (reply = message));
    child.once("error", reject);
    child.once("exit", (code, endedBy) => {
      if (reply === undefined) reject(endedEarly(code, endedBy));
      else if ("error" in reply) reject(troubleOf(reply.error));
      else resolve(reply.answer);
    });
    child.send(request);
  });
}

function troubleOf({
  code,
  message,
  hint,
}: {
  code: string;
  message: string;
  hint: string | undefined;
}): CoxswainError {
  return new CoxswainError(code as ErrorCode, message, hint === undefined ? {} : { hint });
}

function endedEarly(code: number | null, signal: NodeJS.Signals | null): CoxswainError {
  if (signal === null) return new CoxswainError("bug", `the measuring process ended with ${String(code)}`);
  return new CoxswainError("model", `the measuring process was ended by ${signal}`, {
    hint:
      signal === "SIGKILL"
        ? "The system does this when memory is used up: try a smaller --max-length, or a machine with more."
        : "Run it again.",
  });
}

/** Where the TypeScript sources are run (by the tests), the compiled entry stands in `dist`. */
function entry(): string {
  const candidates = ["./probe-entry.js", "../../dist/doctor/probe-entry.js"].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new CoxswainError("bug", "the measuring process's compiled entry is missing", { hint: "Run: npm run build" });
}
