/** Looks up processes of this machine by their id. */
import { readFileSync } from "node:fs";
import { systemCodeOf } from "./errors.js";

/** Whether a process of this machine is running; false for a zombie, which its parent has not yet reaped. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !"ZX".includes(statOf(pid)?.[0] ?? "-");
  } catch (error) {
    return systemCodeOf(error) === "EPERM";
  }
}

/** When a process started, which distinguishes it from others with the same id; null if unknown. */
export const startOf = (pid: number): string | null => statOf(pid)?.[19] ?? null;

/** /proc/PID/stat from its third field on: state ("Z": zombie), …, start time. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is a name in parentheses, which may itself contain spaces and parentheses.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
