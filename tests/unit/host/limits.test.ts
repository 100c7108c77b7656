/** These tests protect: a run in a container that takes more cores or memory than it may have. */
import { totalmem } from "node:os";
import { describe, expect, it } from "vitest";
import { bytesOf, groupLimits, quotaOfVersion1, quotaOfVersion2 } from "../../../src/host/cgroup.js";
import { hostLimits, limitsOf } from "../../../src/host/limits.js";

const gibibyte = 2 ** 30;
const limitsIn = (files: Readonly<Record<string, string>>) => groupLimits((path) => files[path]);

const version2 = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const version1 =
  "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n" +
  "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n";

describe("cgroups of version 2", () => {
  it("the lowest limit along the path counts, for cores and for memory", () => {
    const limits = limitsIn({
      "/proc/self/mountinfo": version2,
      "/proc/self/cgroup": "0::/user.slice/run.scope\n",
      "/sys/fs/cgroup/user.slice/cpu.max": "150000 100000\n",
      "/sys/fs/cgroup/user.slice/run.scope/cpu.max": "400000 100000\n",
      "/sys/fs/cgroup/user.slice/memory.max": "max\n",
      "/sys/fs/cgroup/user.slice/run.scope/memory.max": `${2 * gibibyte}\n`,
    });
    expect(limits).toEqual({ cores: 1.5, memory: 2 * gibibyte });
  });

  it("a container's own group is found at the root", () => {
    const files = { "/proc/self/mountinfo": version2, "/proc/self/cgroup": "0::/\n" };
    expect(limitsIn({ ...files, "/sys/fs/cgroup/cpu.max": "50000 100000" }).cores).toBe(0.5);
    expect(limitsIn({ ...files, "/sys/fs/cgroup/cpu.max": "max 100000" }).cores).toBeUndefined();
  });
});

describe("cgroups of version 1", () => {
  const files = {
    "/proc/self/mountinfo": version1,
    "/proc/self/cgroup": "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n0::/\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    "/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": `${gibibyte}\n`,
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    "/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "250000\n",
    "/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
  };

  it("each controller has its own path", () => {
    expect(limitsIn(files)).toEqual({ cores: 2.5, memory: gibibyte });
  });

  it("a group whose folder is mounted as the root is found there", () => {
    const limits = limitsIn({
      "/proc/self/mountinfo": "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n",
      "/proc/self/cgroup": "2:cpu:/docker/abc\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000",
      "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "50000",
    });
    expect(limits.cores).toBe(2);
  });
});

it("there is no limit without cgroups, or with unreadable files", () => {
  expect(limitsIn({})).toEqual({ cores: undefined, memory: undefined });
  expect(limitsIn({ "/proc/self/mountinfo": version2 + version1, "/proc/self/cgroup": "nonsense" })).toEqual({
    cores: undefined,
    memory: undefined,
  });
});

it.each(["", "max", "0 100000", "-1 100000", "x y", "1000 0"])("the quota %j is no limit", (text) => {
  expect(quotaOfVersion2(text)).toBeUndefined();
  expect(quotaOfVersion1(...(text.split(" ") as [string, string]))).toBeUndefined();
});

it.each(["", "max", "9223372036854771712", "x"])("the memory limit %j is no limit", (text) => {
  expect(bytesOf(text)).toBeUndefined();
});

describe("the resources of a process", () => {
  const machine = { parallelism: 8, physical: 64 * gibibyte, constrained: 0 };
  const none = { cores: undefined, memory: undefined };

  it.each([
    [0.5, 1],
    [1.9, 1],
    [2, 2],
    [2.5, 2],
    [100, 8],
  ])("with a quota of %d cores: are %i cores", (quota, cores) => {
    expect(limitsOf({ ...machine, group: { ...none, cores: quota } }).cores).toBe(cores);
  });

  it("names the limits", () => {
    expect(limitsOf({ ...machine, group: { ...none, cores: 2.5 } }).coresText).toBe("2 cores: the CPU quota is 2.5");
    expect(limitsOf({ ...machine, parallelism: 1, group: none }).coresText).toBe("1 core");
  });

  it("have the lowest of the machine's memory, Node.js's limit and the container's", () => {
    const memoryOf = (constrained: number, memory?: number): number =>
      limitsOf({ ...machine, constrained, group: { ...none, memory } }).memory / gibibyte;
    expect([memoryOf(0), memoryOf(2 ** 64), memoryOf(4 * gibibyte), memoryOf(0, 2 * gibibyte)]).toEqual([64, 64, 4, 2]);
  });

  it("are positive on this machine", () => {
    const { cores, memory } = hostLimits();
    expect(cores).toBeGreaterThanOrEqual(1);
    expect(memory).toBeGreaterThan(0);
    expect(memory).toBeLessThanOrEqual(totalmem());
  });
});
