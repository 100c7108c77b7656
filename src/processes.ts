/** What this machine says of a process, by its number. */
import { readFileSync } from "node:fs";
import { systemCodeOf } from "./errors.js";

/** Whether a process of this machine still does anything: one that was killed and not collected by its parent does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !"ZX".includes(statOf(pid)?.[0] ?? "-");
  } catch (error) {
    return systemCodeOf(error) === "EPERM";
  }
}

/** When a process started, in a form that tells it from another one of the same number; null where that cannot be known. */
export const startOf = (pid: number): string | null => statOf(pid)?.[19] ?? null;

/** /proc/PID/stat from its third field on: state ("Z": killed, but not yet collected by its parent), …, start time. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is a name in brackets, which may itself hold spaces and brackets.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
