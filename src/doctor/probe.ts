/** Runs a measurement in a separate process, so that its memory can be measured alone. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { compiledModule } from "../compiled.js";
import { CoxswainError } from "../errors.js";
import { unpackError } from "../packed-error.js";
import type { LossAnswer, LossProbe, ProbeReply, ProbeRequest, StepAnswer, StepProbe } from "./probe-messages.js";

export function probe(request: StepProbe): Promise<StepAnswer>;
export function probe(request: LossProbe): Promise<LossAnswer>;
/**
 * @throws CoxswainError what went wrong there; "model" where the process was ended from outside, as the system does when
 *   memory is used up
 */
export function probe(request: ProbeRequest): Promise<StepAnswer | LossAnswer> {
  const entry = fileURLToPath(compiledModule("doctor/probe-entry.js"));
  return new Promise((resolve, reject) => {
    const child = fork(entry, { stdio: ["ignore", "ignore", "ignore", "ipc"] });
    let reply: ProbeReply | undefined;
    child.on("message", (message: ProbeReply) => (reply = message));
    child.once("error", reject);
    child.once("exit", (code, endedBy) => {
      if (reply === undefined) reject(endedEarly(code, endedBy));
      else if ("error" in reply) reject(unpackError(reply.error));
      else resolve(reply.answer);
    });
    child.send(request);
  });
}

function endedEarly(code: number | null, signal: NodeJS.Signals | null): CoxswainError {
  if (signal === null) return new CoxswainError("bug", `the measuring process exited with ${String(code)}`);
  return new CoxswainError("model", `the measuring process was killed by ${signal}`, {
    hint:
      signal === "SIGKILL"
        ? "The system does this when memory is exhausted: try a smaller --max-length, or a machine with more memory."
        : "Run it again.",
  });
}
