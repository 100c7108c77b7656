/**
 * Whether a request names a host that this server may have. Prevents DNS rebinding: a foreign page's name could resolve
 * to this machine, and its script could then read what is served here.
 */
import { hostname } from "node:os";
import { isIP } from "node:net";
import { isLoopback } from "../config/index.js";

/** Endings of names that the public DNS does not have, so that no stranger's page has one. */
const privateEndings = [".local", ".localdomain", ".internal", ".lan", ".home.arpa", ".svc", ".svc.cluster.local"];

/**
 * @param header of the request; undefined from clients of HTTP/1.0, which are no browsers
 * @param bound the host that the server listens on
 * @param allowed further names
 */
export function isOwnHost(header: string | undefined, bound: string, allowed: readonly string[] = []): boolean {
  if (header === undefined) return true;
  const name = /^(\[.+\]|[^:]*)(?::\d+)?$/
    .exec(header)?.[1]
    ?.replace(/^\[|\]$/g, "")
    .toLowerCase();
  if (name === undefined) return false;
  if (isLoopback(name) || allowed.some((other) => other.toLowerCase() === name)) return true;
  if (isLoopback(bound)) return false;
  const own = hostname().toLowerCase();
  return (
    isIP(name) !== 0 ||
    (name !== "" && !name.includes(".")) ||
    name === own ||
    name.startsWith(`${own}.`) ||
    privateEndings.some((ending) => name.endsWith(ending))
  );
}
