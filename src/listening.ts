/** Which process of this machine listens at a port, from /proc: a port may have been taken by another user's process. */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { systemCodeOf } from "./errors.js";

/** The owner of a process; undefined without /proc. */
export const ownerOf = (pid: number): number | undefined => attempt(() => statSync(`/proc/${pid}`).uid);

/**
 * Whether a process has a socket that listens at a port.
 * @returns undefined if the system does not tell: without /proc, or for another user's process
 */
export function listensAt(pid: number, port: number): boolean | undefined {
  const listening = listeningSockets(port);
  const opened = attempt(() => readdirSync(`/proc/${pid}/fd`));
  if (listening === undefined || opened === undefined) return undefined;
  return opened.some((name) => listening.has(attempt(() => readlinkSync(`/proc/${pid}/fd/${name}`)) ?? ""));
}

/** "socket:[INODE]" of every socket in the state LISTEN (0A) at a port. */
function listeningSockets(port: number): ReadonlySet<string> | undefined {
  const tables = ["tcp", "tcp6"].map((name) => attempt(() => readFileSync(`/proc/self/net/${name}`, "utf8")));
  if (tables.every((table) => table === undefined)) return undefined;
  const lines = tables.flatMap((table) => table?.split("\n").slice(1) ?? []).map((line) => line.trim().split(/\s+/));
  return new Set(
    lines
      .filter(([, local, , state]) => state === "0A" && parseInt(local?.split(":").at(-1) ?? "", 16) === port)
      .map((fields) => `socket:[${fields[9]}]`),
  );
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    return undefined;
  }
}
