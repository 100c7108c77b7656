/**
 * Where Coxswain keeps what it can make again: models from the hub or from a coordinator, hashes of files, links.
 * Everything in it may be deleted while nothing runs.
 */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** The environment variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Default of `cacheDir` options: `COXSWAIN_CACHE`, else `$XDG_CACHE_HOME/coxswain`, else `~/.cache/coxswain`. */
export function defaultCacheFolder(environment: Environment = process.env): string {
  const own = environment["COXSWAIN_CACHE"];
  if (own !== undefined && own !== "") return resolve(own);
  const xdg = environment["XDG_CACHE_HOME"];
  return join(xdg !== undefined && xdg !== "" ? xdg : join(homedir(), ".cache"), "coxswain");
}

/** The Hugging Face libraries' cache of snapshots: `HF_HUB_CACHE`, `HF_HOME/hub`, or `~/.cache/huggingface/hub`. */
export function huggingFaceCacheFolder(environment: Environment = process.env): string {
  const exact = environment["HF_HUB_CACHE"] ?? environment["HUGGINGFACE_HUB_CACHE"];
  if (exact !== undefined && exact !== "") return resolve(exact);
  const home = environment["HF_HOME"];
  if (home !== undefined && home !== "") return join(home, "hub");
  const xdg = environment["XDG_CACHE_HOME"];
  return join(xdg !== undefined && xdg !== "" ? xdg : join(homedir(), ".cache"), "huggingface", "hub");
}
