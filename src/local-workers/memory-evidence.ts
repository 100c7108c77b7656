/** What tells that memory ran out: the cgroup's and the kernel's counters and log. Says nothing where they cannot be read. */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { freemem, totalmem } from "node:os";
import { groupMemberships, readText } from "../host/index.js";
import type { ReadText } from "../host/index.js";

/** Counters of processes that the kernel has killed for want of memory. */
export interface KillCounters {
  /** In the cgroup of this process. */
  readonly cgroup: number | undefined;
  /** On the whole machine. */
  readonly machine: number | undefined;
}

export interface MemoryEvidence {
  /** Kills since the run's workers were started; undefined where they are not counted. */
  readonly kills: KillCounters;
  /** Of the cgroup, bytes; undefined where it has no limit. */
  readonly limit: number | undefined;
  readonly used: number | undefined;
  /** Of the machine, bytes. */
  readonly total: number;
  readonly free: number;
  /** The most that the process had resident when it was last looked at, bytes. */
  readonly peak: number | undefined;
  /** The kernel's line about the process. */
  readonly kernel: string | undefined;
}

export interface SystemFiles {
  readonly read: ReadText;
  /** Records of the kernel's log, oldest first. */
  kernelLog(): readonly string[];
}

/** Files of the memory controller of this process's cgroup, of either version of cgroups. */
interface Controller {
  readonly limit: string;
  readonly used: string;
  /** Has a line "oom_kill N". */
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

/** Where it may be: a container sees its own cgroup at the root of the mount. */
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

/** The peak of a process that runs, bytes. */
export function readPeak(pid: number, files: SystemFiles = thisSystem): number | undefined {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(files.read(`/proc/${pid}/status`) ?? "")?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

export interface Dead {
  readonly pid: number | undefined;
  readonly peak: number | undefined;
  /** Counters from before. */
  readonly before: KillCounters;
}

export function readEvidence({ pid, peak, before }: Dead, files: SystemFiles = thisSystem): MemoryEvidence {
  const kills = readKills(files);
  const found = controller(files);
  const limit = numberIn(found === undefined ? undefined : files.read(found.limit));
  const total = totalmem();
  return {
    kills: { cgroup: grown(kills.cgroup, before.cgroup), machine: grown(kills.machine, before.machine) },
    // "max", and numbers beyond the machine's own memory, mean that there is no limit.
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

/** What the evidence comes to, as a clause. Pure. */
export function evidenceText({ kills, limit, used, total, free, peak, kernel }: MemoryEvidence): string {
  const killed = Math.max(kills.cgroup ?? 0, kills.machine ?? 0);
  const verdict =
    kernel !== undefined || killed > 0
      ? "the kernel ended it because memory ran out"
      : kills.cgroup === undefined && kills.machine === undefined
        ? "as the kernel does when memory runs out"
        : "the kernel counted no process that it ended for want of memory, so somebody else sent the signal";
  const figures = [
    kernel === undefined ? undefined : `the log of the kernel: "${kernel}"`,
    killed === 0 ? undefined : `${killed} ${killed === 1 ? "process" : "processes"} ended so since the run started`,
    peak === undefined ? undefined : `it had up to ${gigabytes(peak)} resident`,
    limit === undefined
      ? `the machine has ${gigabytes(total)}, ${gigabytes(free)} free`
      : `its cgroup may use ${gigabytes(limit)}${used === undefined ? "" : ` and uses ${gigabytes(used)} now`}`,
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
      // For administrators alone, on many machines.
      return [];
    }
  },
};

/** A record a read: "6,1234,5678,-;text", and lines of its own for what it is about. */
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
    // EAGAIN: that was all.
    return records;
  } finally {
    closeSync(file);
  }
}
