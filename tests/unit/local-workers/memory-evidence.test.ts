/** What a user loses if these fail: hours of guessing why the workers of a run die. */
import { totalmem } from "node:os";
import { describe, expect, it } from "vitest";
import {
  evidenceText,
  readEvidence,
  readKills,
  readPeak,
  type MemoryEvidence,
  type SystemFiles,
} from "../../../src/local-workers/memory-evidence.js";

const system = (files: Record<string, string>, log: readonly string[] = []): SystemFiles => ({
  read: (path) => files[path],
  kernelLog: () => log,
});

const unified = {
  "/proc/self/cgroup": "0::/user.slice/run.scope\n",
  "/sys/fs/cgroup/user.slice/run.scope/memory.events": "low 0\nhigh 0\nmax 40\noom 3\noom_kill 5\noom_group_kill 0\n",
  "/sys/fs/cgroup/user.slice/run.scope/memory.max": "1073741824\n",
  "/sys/fs/cgroup/user.slice/run.scope/memory.current": "536870912\n",
};

const none = { cgroup: undefined, machine: undefined };

describe("out-of-memory kills are counted", () => {
  it("in a cgroup v2", () => {
    expect(readKills(system(unified)).cgroup).toBe(5);
  });

  it("in a container, which sees its cgroup at the root of the mount", () => {
    const files = { "/proc/self/cgroup": "0::/../../pod7\n", "/sys/fs/cgroup/memory.events": "oom_kill 2\n" };
    expect(readKills(system(files)).cgroup).toBe(2);
  });

  it("in a cgroup v1", () => {
    const files = {
      "/proc/self/cgroup": "9:name=systemd:/\n5:cpu,cpuacct:/\n4:memory:/job/7\n0::/\n",
      "/sys/fs/cgroup/memory/job/7/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
    };
    expect(readKills(system(files)).cgroup).toBe(4);
  });

  it("on the whole machine", () => {
    expect(readKills(system({ "/proc/vmstat": "nr_free_pages 1\noom_kill 9\ndrop_pagecache 0\n" }))).toEqual({
      cgroup: undefined,
      machine: 9,
    });
  });

  it("as unknown if nothing is readable", () => {
    expect(readKills(system({}))).toEqual(none);
  });
});

it("reports the memory of a worker measured before its death", () => {
  expect(readPeak(7, system({ "/proc/7/status": "Name:\tnode\nVmHWM:\t   2048 kB\nVmRSS:\t 1 kB\n" }))).toBe(2 ** 21);
  expect(readPeak(7, system({}))).toBeUndefined();
});

describe("the evidence", () => {
  const dead = { pid: 4711, peak: 2e9, before: { cgroup: 2, machine: undefined } };

  it("contains the kernel's newest line about that process", () => {
    const line = (pid: number, size: number) =>
      `Memory cgroup out of memory: Killed process ${pid} (node) rss:${size}kB`;
    const log = [line(4711, 1), line(4712, 2), line(4711, 3), line(47110, 4)];
    expect(readEvidence(dead, system(unified, log)).kernel).toBe(line(4711, 3));
    expect(readEvidence(dead, system(unified)).kernel).toBeUndefined();
  });

  it("counts only kills since the run began, and contains the limit", () => {
    const { kills, limit, used, peak } = readEvidence(dead, system(unified));
    expect({ kills, limit, used, peak }).toEqual({
      kills: { cgroup: 3, machine: undefined },
      limit: 2 ** 30,
      used: 2 ** 29,
      peak: 2e9,
    });
  });

  it.each(["max\n", "9223372036854771712\n", String(totalmem() * 2)])("treats a limit of %j as none", (text) => {
    const files = { ...unified, "/sys/fs/cgroup/user.slice/run.scope/memory.max": text };
    expect(readEvidence(dead, system(files)).limit).toBeUndefined();
  });
});

describe("the text of the evidence", () => {
  const evidence: MemoryEvidence = {
    kills: none,
    limit: undefined,
    used: undefined,
    total: 16e9,
    free: 250e6,
    peak: undefined,
    kernel: undefined,
  };

  it("blames memory if a counter or the kernel's log does", () => {
    expect(evidenceText({ ...evidence, kills: { cgroup: 3, machine: 3 }, limit: 4e9, used: 3.9e9, peak: 3.2e9 })).toBe(
      "the kernel killed it because memory ran out; 3 out-of-memory kills since the run started; " +
        "its resident memory peaked at 3.2 GB; the memory limit of its cgroup is 4.0 GB, 3.9 GB in use",
    );
    expect(evidenceText({ ...evidence, kernel: "Killed process 7 (node)" })).toMatch(
      /^the kernel killed it because memory ran out; kernel log: "Killed process 7 \(node\)"/,
    );
  });

  it("does not blame memory if the kernel counted no kill", () => {
    expect(evidenceText({ ...evidence, kills: { cgroup: 0, machine: 0 } })).toBe(
      "the kernel counted no out-of-memory kill, so another process sent the signal; " +
        "the machine has 16.0 GB of memory, 250 MB free",
    );
  });

  it("leaves the cause open if kills are not counted", () => {
    expect(evidenceText(evidence)).toMatch(
      /^the kernel sends this signal when memory runs out; the machine has 16.0 GB/,
    );
  });
});
