/** `cluster.limits`: how much others may take of the coordinator, whoever they are. */
import { z } from "zod";
import { count, keyDocs, positive } from "./docs.js";

export const limitsSchema = z.strictObject({
  max_workers: count.default(1024).register(keyDocs, {
    description:
      "Maximum number of workers in the run; `cluster.min_workers` if that is more. One that joins beyond it is refused, and " +
      "tries again. At most one per eight files that the coordinator may open (`ulimit -n`).",
    unit: "workers",
    examples: [64],
  }),
  joins_per_second: positive.max(100_000).default(100).register(keyDocs, {
    description: "How many workers per second may join, beyond as many immediately. The others wait for their turn.",
    unit: "workers per second",
    examples: [20],
    whyAtMost: "each join takes about a millisecond",
  }),
  max_connections: count.default(8192).register(keyDocs, {
    description:
      "Maximum number of connections to the coordinator's port. At most half as many as files that the coordinator may open.",
    unit: "connections",
    examples: [1024],
  }),
  max_unauthenticated_connections: count.default(1024).register(keyDocs, {
    description:
      "How many of them may be without the token. When there are more, the oldest of the address that has the most is closed.",
    unit: "connections",
    examples: [256],
  }),
  send_memory: positive.default(32).register(keyDocs, {
    description:
      "Memory for what workers have requested and not read yet, over all workers. When it is used up, the request that has " +
      "been read least recently is refused. Four replicas are always allowed.",
    unit: "MiB",
    examples: [256],
  }),
  send_timeout: z.number().min(6).max(3600).default(15).register(keyDocs, {
    description: "Time without progress after which a request is refused whose answer the worker does not read.",
    unit: "seconds",
    examples: [60],
    whyAtLeast: "a worker itself gives up after 5 seconds without data",
  }),
});
