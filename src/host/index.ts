export { groupLimits } from "./cgroup.js";
export type { GroupLimits, ReadText } from "./cgroup.js";
export { hostLimits } from "./limits.js";
export type { HostLimits } from "./limits.js";
