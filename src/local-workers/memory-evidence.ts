/**
 * Evidence that memory ran out: counters of the cgroup and the kernel, and the kernel's log, as far as they are
 * readable.
 */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { freemem, totalmem } from "node:os";
import { groupMemberships, readText } from "../host/index.js";
import type { ReadText } from "../host/index.js";

/** Counters of the kernel's out-of-memory kills. */
export interface KillCounters {
  /** In the cgroup of this process. */
  readonly cgroup: number | undefined;
  /** On the whole machine. */
  readonly machine: number | undefined;
}

export interface MemoryEvidence {
  /** Kills since the run's workers were started; undefined if they are not counted. */
  readonly kills: KillCounters;
  /** Memory limit of the cgroup, bytes; undefined if it has none. */
  readonly limit: number | undefined;
  readonly used: number | undefined;
  /** Memory of the machine, bytes. */
  readonly total: number;
  readonly free: number;
  /** Peak resident memory of the process at the last measurement, bytes. */
  readonly peak: number | undefined;
  /** The kernel's line about the process. */
  readonly kernel: string | undefined;
}

export interface SystemFiles {
  readonly read: ReadText;
  /** Records of the kernel's log, oldest first. */
  kernelLog(): readonly string[];
}

/** Files of the memory controller of this process's cgroup, for cgroups v1 or v2. */
interface Controller {
  readonly limit: string;
  readonly used: string;
  /** Contains a line "oom_kill N". */
  readonly events: string;
}

const second = (folder: string): Controller => ({
  limit: `${folder}/memory.max`,
  used: `${folder}/memory.current`,
  events: `${folder}/memory.events`,
});

const first = (folder: string): Controller => ({
  limit: `${folder}/memory.limit_in_bytes`,
  used: `${folder}/memory.usage_in_bytes`,
  events: `${folder}/memory.oom_control`,
});

/** Possible locations: a container sees its own cgroup at the root of the mount. */
function controllersOf(cgroups: string): readonly Controller[] {
  const groups = groupMemberships(cgroups);
  const [v1, v2] = [groups.get("memory"), groups.get("")];
  return [
    ...(v1 === undefined ? [] : [first(`/sys/fs/cgroup/memory${v1}`), first("/sys/fs/cgroup/memory")]),
    ...(v2 === undefined ? [] : [second(`/sys/fs/cgroup${v2}`), second("/sys/fs/cgroup")]),
  ];
}

function controller(files: SystemFiles): Controller | undefined {
  return controllersOf(files.read("/proc/self/cgroup") ?? "").find(({ events }) => files.read(events) !== undefined);
}

export function readKills(files: SystemFiles = thisSystem): KillCounters {
  const events = controller(files)?.events;
  return {
    cgroup: events === undefined ? undefined : counterIn(files.read(events), "oom_kill"),
    machine: counterIn(files.read("/proc/vmstat"), "oom_kill"),
  };
}

/** Peak resident memory of a running process, bytes. */
export function readPeak(pid: number, files: SystemFiles = thisSystem): number | undefined {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(files.read(`/proc/${pid}/status`) ?? "")?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

export interface Dead {
  readonly pid: number | undefined;
  readonly peak: number | undefined;
  /** Counters at the start. */
  readonly before: KillCounters;
}

export function readEvidence({ pid, peak, before }: Dead, files: SystemFiles = thisSystem): MemoryEvidence {
  const kills = readKills(files);
  const found = controller(files);
  const limit = numberIn(found === undefined ? undefined : files.read(found.limit));
  const total = totalmem();
  return {
    kills: { cgroup: grown(kills.cgroup, before.cgroup), machine: grown(kills.machine, before.machine) },
    // "max", and numbers beyond the machine's memory, mean that there is no limit.
    limit: limit !== undefined && limit < total ? limit : undefined,
    used: numberIn(found === undefined ? undefined : files.read(found.used)),
    total,
    free: freemem(),
    peak,
    kernel: pid === undefined ? undefined : kernelLineOf(pid, files.kernelLog()),
  };
}

const grown = (now: number | undefined, before: number | undefined): number | undefined =>
  now === undefined || before === undefined ? undefined : now - before;

const counterIn = (text: string | undefined, name: string): number | undefined =>
  numberIn(new RegExp(`^${name} (\\d+)$`, "m").exec(text ?? "")?.[1]);

function numberIn(text: string | undefined): number | undefined {
  const value = Number(text?.trim() ?? Number.NaN);
  return Number.isFinite(value) ? value : undefined;
}

/** "Memory cgroup out of memory: Killed process 4711 (node) total-vm:…, anon-rss:…" */
const kernelLineOf = (pid: number, records: readonly string[]): string | undefined =>
  records.findLast((record) => record.includes(`Killed process ${pid} (`));

/** The evidence as a clause. Pure. */
export function evidenceText({ kills, limit, used, total, free, peak, kernel }: MemoryEvidence): string {
  const killed = Math.max(kills.cgroup ?? 0, kills.machine ?? 0);
  const verdict =
    kernel !== undefined || killed > 0
      ? "the kernel killed it because memory ran out"
      : kills.cgroup === undefined && kills.machine === undefined
        ? "the kernel sends this signal when memory runs out"
        : "the kernel counted no out-of-memory kill, so another process sent the signal";
  const figures = [
    kernel === undefined ? undefined : `kernel log: "${kernel}"`,
    killed === 0 ? undefined : `${killed} out-of-memory ${killed === 1 ? "kill" : "kills"} since the run started`,
    peak === undefined ? undefined : `its resident memory peaked at ${gigabytes(peak)}`,
    limit === undefined
      ? `the machine has ${gigabytes(total)} of memory, ${gigabytes(free)} free`
      : `the memory limit of its cgroup is ${gigabytes(limit)}${used === undefined ? "" : `, ${gigabytes(used)} in use`}`,
  ];
  return [verdict, ...figures.filter((figure) => figure !== undefined)].join("; ");
}

const gigabytes = (bytes: number): string =>
  bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;

const thisSystem: SystemFiles = {
  read: readText,
  kernelLog: () => {
    try {
      return readKernelLog();
    } catch {
      // Readable only by administrators on many machines.
      return [];
    }
  },
};

/** Each read returns one record: "6,1234,5678,-;text", followed by lines of metadata. */
function readKernelLog(): string[] {
  const file = openSync("/dev/kmsg", constants.O_RDONLY | constants.O_NONBLOCK);
  const records: string[] = [];
  const buffer = Buffer.alloc(8192);
  try {
    for (;;) {
      const text = buffer.toString("utf8", 0, readSync(file, buffer));
      records.push(text.slice(text.indexOf(";") + 1).split("\n", 1)[0] ?? "");
    }
  } catch {
    // EAGAIN: no more records.
    return records;
  } finally {
    closeSync(file);
  }
}
