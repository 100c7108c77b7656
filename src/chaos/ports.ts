/** Finds free ports that the system will not assign to outgoing connections. */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { CoxswainError } from "../errors.js";

/**
 * Below the ephemeral range: a connection attempt that is repeated while nothing listens on an ephemeral port can end
 * up connected to itself.
 */
const first = 20_000;
const last = 29_999;

/** A port that is free on each of these hosts. */
export async function freePort(hosts: readonly string[]): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(first, last + 1);
    const free = await Promise.all(hosts.map((host) => canListen(host, port)));
    if (free.every(Boolean)) return port;
  }
  throw new CoxswainError("network", `no free port from ${first} to ${last} on ${hosts.join(" and ")}`, {
    hint: "Stop programs that listen on these ports.",
  });
}

export function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
