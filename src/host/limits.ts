/** What this process may have of the machine that it is on. Changes nothing. */
import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { groupLimits } from "./cgroup.js";
import type { GroupLimits } from "./cgroup.js";

export interface HostLimits {
  /** Whole cores that can be computed on, 1 or more. */
  readonly cores: number;
  /** What sets their number: "2 cores", "2 of the quota of 2.5 cores". */
  readonly coresText: string;
  /** Bytes that this process and those beside it in its container may have in all. */
  readonly memory: number;
  /** Whether a container's limit, not the machine, sets that. */
  readonly isMemoryLimited: boolean;
}

export interface HostFacts {
  /** Cores that the process may run on (`taskset`, cpusets). */
  readonly parallelism: number;
  /** Bytes of the machine. */
  readonly physical: number;
  /** What Node.js takes for the limit, bytes; 0 or more than the machine has where there is none. */
  readonly constrained: number;
  readonly group: GroupLimits;
}

export const hostLimits = (): HostLimits =>
  limitsOf({
    parallelism: availableParallelism(),
    physical: totalmem(),
    constrained: process.constrainedMemory(),
    group: groupLimits(readText),
  });

export function limitsOf({ parallelism, physical, constrained, group }: HostFacts): HostLimits {
  const quota = group.cores ?? Number.POSITIVE_INFINITY;
  const cores = Math.max(1, Math.min(parallelism, Math.floor(quota)));
  const memory = Math.min(physical, constrained > 0 ? constrained : physical, group.memory ?? physical);
  const counted = `${cores} ${cores === 1 ? "core" : "cores"}`;
  return {
    cores,
    coresText: quota < parallelism ? `${counted}: the CPU quota is ${Number(quota.toFixed(2))}` : counted,
    memory,
    isMemoryLimited: memory < physical,
  };
}

/** A `ReadText` of this system. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Another system, or a version of cgroups that has no such file.
    return undefined;
  }
}
