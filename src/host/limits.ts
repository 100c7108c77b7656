/** Resources that this process may use on its machine. Read-only. */
import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { groupLimits } from "./cgroup.js";
import type { GroupLimits } from "./cgroup.js";

export interface HostLimits {
  /** Usable whole cores, at least 1. */
  readonly cores: number;
  /** The source of their number: "2 cores", "2 of the quota of 2.5 cores". */
  readonly coresText: string;
  /** Bytes that all processes of this container may use in total. */
  readonly memory: number;
  /** Whether a container's limit, not the machine, sets that. */
  readonly isMemoryLimited: boolean;
}

export interface HostFacts {
  /** Cores that the process may run on (`taskset`, cpusets). */
  readonly parallelism: number;
  /** Bytes of the machine. */
  readonly physical: number;
  /** Node.js' view of the limit, bytes; 0 or more than the machine's memory if there is none. */
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
