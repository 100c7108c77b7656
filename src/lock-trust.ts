/**
 * Whether the coordinator that a lock file names may be sent a secret. Whoever can write to an output folder can put a
 * lock there that names their own address.
 */
import { hostname } from "node:os";
import { listensAt, ownerOf } from "./listening.js";
import { isOwnedByUs } from "./own-files.js";
import { startOf } from "./processes.js";
import type { NamedHolder } from "./run-lock.js";

/**
 * What speaks against a holder: another user wrote the file, or, on this machine, its process is not the one that wrote
 * it or does not listen at the port.
 * @param port what the holder listens on; undefined before it listens
 * @returns undefined if nothing does
 */
export function doubtAbout({ host, pid, started, owner }: NamedHolder, port: number | undefined): string | undefined {
  if (!isOwnedByUs(owner)) return `the file belongs to another user (uid ${owner})`;
  // A process of another machine cannot be examined.
  if (host !== hostname()) return undefined;
  const actual = startOf(pid);
  if (actual === null) return undefined;
  if (actual !== started) return `process ${pid} did not write it`;
  const user = ownerOf(pid);
  if (user !== undefined && !isOwnedByUs(user)) return `process ${pid} belongs to another user (uid ${user})`;
  return port !== undefined && listensAt(pid, port) === false
    ? `process ${pid} does not listen at port ${port}`
    : undefined;
}
