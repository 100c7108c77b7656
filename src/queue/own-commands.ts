/** A server executes commands of its own alone: whoever may submit a run may not thereby run programs on it. Pure. */
import type { RunConfig } from "../config/index.js";
import { CoxswainError } from "../errors.js";

/**
 * @param sets `key=value` settings of the server, which override those of the run
 * @throws CoxswainError "config" for a command that was submitted
 */
export function refuseSubmittedCommand({ telemetry }: RunConfig, sets: readonly string[]): void {
  const isOwn = sets.some((set) => /^\s*telemetry(?:\.exec)?\s*=/.test(set));
  if (telemetry.exec === null || isOwn) return;
  throw new CoxswainError("config", "telemetry.exec: a server does not execute the command of a submitted run", {
    hint: "Submit the run with --set telemetry.exec=null; the server may have a command: coxswain serve --set telemetry.exec=…",
  });
}
