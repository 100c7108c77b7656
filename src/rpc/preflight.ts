/** Checks before a coordinator does anything else what it can know of its connections: its files, and its proxy. */
import { routeTo } from "./route.js";
import type { ProxyUse } from "./route.js";
import { serverCredentials } from "./security.js";
import type { ServerTls } from "./security.js";

/** @throws CoxswainError "config" that names the file or the variable that is not as it should be */
export async function checkConnections(cluster: {
  readonly tls: ServerTls | null;
  readonly proxy: ProxyUse;
}): Promise<void> {
  await serverCredentials(cluster.tls);
  routeTo({ host: "worker.invalid", port: 1 }, cluster.proxy);
}
