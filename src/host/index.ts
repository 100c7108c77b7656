export { groupLimits, groupMemberships } from "./cgroup.js";
export type { GroupLimits, ReadText } from "./cgroup.js";
export { hostLimits, readText } from "./limits.js";
export type { HostLimits } from "./limits.js";
export { openFilesLimit } from "./open-files.js";
