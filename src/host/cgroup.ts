/**
 * Limits of a process's control groups, version 1, 2 and hybrid: each group above it also limits a group. Pure except
 * for the given `read`.
 */

/** A file's text; undefined if it cannot be read. */
export type ReadText = (path: string) => string | undefined;

export interface GroupLimits {
  /** CPU quota in cores: 1.5 is one and a half cores. Undefined without limit. */
  readonly cores: number | undefined;
  /** Memory limit of all processes of the group, bytes; undefined without limit. */
  readonly memory: number | undefined;
}

/** @param read of files such as `/proc/self/cgroup` */
export function groupLimits(read: ReadText): GroupLimits {
  const mounts = groupMounts(read("/proc/self/mountinfo") ?? "");
  const memberships = groupMemberships(read("/proc/self/cgroup") ?? "");
  const foldersOf = (controller: string): readonly string[] =>
    mounts
      .filter(({ controllers }) => controllers.includes(controller))
      .flatMap((mount) => foldersUp(mount, memberships.get(controller) ?? "/"));
  const unified = foldersOf(unifiedName);
  return {
    cores: least([
      ...unified.map((folder) => quotaOfVersion2(read(`${folder}/cpu.max`))),
      ...foldersOf("cpu").map((folder) =>
        quotaOfVersion1(read(`${folder}/cpu.cfs_quota_us`), read(`${folder}/cpu.cfs_period_us`)),
      ),
    ]),
    memory: least([
      ...unified.map((folder) => bytesOf(read(`${folder}/memory.max`))),
      ...foldersOf("memory").map((folder) => bytesOf(read(`${folder}/memory.limit_in_bytes`))),
    ]),
  };
}

/** The name used here for the single hierarchy of version 2; version 1 has one per controller. */
const unifiedName = "";

interface GroupMount {
  readonly controllers: readonly string[];
  /** The group that is seen at `folder`. */
  readonly root: string;
  readonly folder: string;
}

/** @param text `/proc/self/mountinfo`: `36 35 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu` */
export function groupMounts(text: string): readonly GroupMount[] {
  return text.split("\n").flatMap((line) => {
    const [place = "", source = ""] = line.split(" - ");
    const [, , , root = "/", folder = ""] = place.split(" ");
    const [type, , options = ""] = source.split(" ");
    if (type === "cgroup2") return [{ controllers: [unifiedName], root, folder }];
    return type === "cgroup" ? [{ controllers: options.split(","), root, folder }] : [];
  });
}

/** @param text `/proc/self/cgroup`: `4:cpu,cpuacct:/a/b`, for version 2 `0::/a/b` @returns the group per controller */
export function groupMemberships(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const [, controllers, ...path] = line.split(":");
      return controllers === undefined ? [] : controllers.split(",").map((name) => [name, path.join(":")] as const);
    }),
  );
}

/** The folder of a group and of each above it, as far as they are mounted. A container may see its own at the root alone. */
function foldersUp({ root, folder }: GroupMount, group: string): readonly string[] {
  const inside = root === "/" ? group : group.startsWith(root) ? group.slice(root.length) : "";
  const names = inside.split("/").filter((name) => name !== "" && name !== "..");
  return [...names.keys(), names.length].map((count) => [folder, ...names.slice(0, count)].join("/"));
}

/** "50000 100000" are half a core, "max 100000" is no limit. */
export function quotaOfVersion2(text: string | undefined): number | undefined {
  const [quota, period = "100000"] = text?.trim().split(/\s+/) ?? [];
  return quota === undefined ? undefined : ratio(Number(quota), Number(period));
}

/** A quota of -1 is no limit. */
export function quotaOfVersion1(quota: string | undefined, period: string | undefined): number | undefined {
  return quota === undefined || period === undefined ? undefined : ratio(Number(quota), Number(period));
}

const ratio = (quota: number, period: number): number | undefined =>
  quota > 0 && period > 0 && Number.isFinite(quota / period) ? quota / period : undefined;

/** "max" is no limit, and so is what version 1 has where none was set: the largest multiple of a page, 2^63 and a little less. */
export function bytesOf(text: string | undefined): number | undefined {
  const bytes = text === undefined || text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(bytes) && bytes < 2 ** 60 ? bytes : undefined;
}

function least(limits: readonly (number | undefined)[]): number | undefined {
  const set = limits.filter((limit) => limit !== undefined);
  return set.length === 0 ? undefined : Math.min(...set);
}
