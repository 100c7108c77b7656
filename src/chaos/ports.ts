/** Ports that are free now and are no outgoing connection's a moment later. */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { CoxswainError } from "../errors.js";

/**
 * Below the ports that systems give to outgoing connections: one of those, tried again and again while nobody listens,
 * can end up connected to itself.
 */
const first = 20_000;
const last = 29_999;

/** A port on which every one of these hosts can be listened on. */
export async function freePort(hosts: readonly string[]): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(first, last + 1);
    const free = await Promise.all(hosts.map((host) => canListen(host, port)));
    if (free.every(Boolean)) return port;
  }
  throw new CoxswainError("network", `no free port from ${first} to ${last} on ${hosts.join(" and ")}`, {
    hint: "End programs that listen there.",
  });
}

export function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
