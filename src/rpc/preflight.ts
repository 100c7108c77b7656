/** Early checks of a coordinator's connection settings: TLS files and proxy. */
import { routeTo } from "./route.js";
import type { ProxyUse } from "./route.js";
import { serverCredentials } from "./security.js";
import type { ServerTls } from "./security.js";

/** @throws CoxswainError "config" that names the invalid file or variable */
export async function checkConnections(cluster: {
  readonly tls: ServerTls | null;
  readonly proxy: ProxyUse;
}): Promise<void> {
  await serverCredentials(cluster.tls);
  routeTo({ host: "worker.invalid", port: 1 }, cluster.proxy);
}
