/** `cluster.limits` as the parts of the service take it. */
import type { RunConfig } from "../../config/index.js";
import { guardLimits } from "../../rpc/index.js";
import type { GuardLimits } from "../../rpc/index.js";
import type { EntranceLimits } from "./entrance.js";
import type { SendLimits } from "./sends.js";

type Limits = RunConfig["cluster"]["limits"];

const MiB = 1024 * 1024;

/** A worker takes up to four connections, so that one per eight files leaves half of them for everything else. */
const filesPerWorker = 8;

export const entranceLimits = (
  { min_workers: least, limits }: RunConfig["cluster"],
  openFiles: number,
): EntranceLimits => ({
  maxWorkers: Math.min(Math.max(limits.max_workers, least), Math.floor(openFiles / filesPerWorker)),
  joinsPerSecond: limits.joins_per_second,
});

export const sendLimits = (limits: Limits): SendLimits => ({
  memory: limits.send_memory * MiB,
  timeout: limits.send_timeout * 1000,
});

export const guardLimitsOf = (limits: Limits): GuardLimits => ({
  ...guardLimits,
  connections: limits.max_connections,
  strangers: limits.max_unauthenticated_connections,
});
