/** From what a run file calls a model, a folder or a hub id, to a folder on this machine. */
import { stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { CoxswainError, systemCodeOf } from "../errors.js";
import { hubAccess, huggingFaceCacheFolder, huggingFaceRepository, isOffline, parseHubName } from "../hub/index.js";
import type { ProgressListener } from "../hub/index.js";
import { checkNamedCache, defaultCacheFolder, homeFolder, inCache, storageTrouble } from "../storage/index.js";
import type { Environment } from "../storage/index.js";
import { downloadModel } from "./hub-download.js";
import { findSnapshot, ownRepository } from "./hub-snapshot.js";
import { meansLocalFolder, noSuchFolder } from "./local-name.js";
import { notAFolder, nothingThere, similarFolder } from "./not-a-model.js";

export interface ResolveModelOptions {
  /** Coxswain's cache. Default: `defaultCacheFolder(environment)`. */
  readonly cacheDir?: string;
  /** Called with a line of text for every progress update. Default: none. */
  readonly onProgress?: ProgressListener;
  /** Default: `fetch`, through the proxy set in the environment. */
  readonly fetch?: typeof fetch;
  /** Default: `HF_ENDPOINT`, otherwise the public hub. */
  readonly hubUrl?: string;
  /** For HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE, proxies and the locations of caches. Default: the process's. */
  readonly environment?: Environment;
  /** Waits between attempts, ms. Default: a timer. */
  readonly wait?: (milliseconds: number) => Promise<void>;
}

/**
 * The folder of a model: a folder is used directly; a hub id `owner/name[@revision]` is found in Coxswain's or Hugging
 * Face's cache, or downloaded into Coxswain's. A cached branch is not updated: specify a commit, or clear the cache.
 * @returns an absolute path
 * @throws CoxswainError "model" for a folder or id that does not exist, "network" for a hub that cannot be reached
 */
export async function resolveModel(model: string, options: ResolveModelOptions = {}): Promise<string> {
  const { environment = process.env, onProgress = () => undefined } = options;
  await checkNamedCache(environment);
  const path = /^~(?=[\\/]|$)/.test(model) ? join(homeFolder() ?? "~", model.slice(1)) : model;
  const found = await placeAt(path);
  if (found === "folder") return resolve(path);
  if (found === "file") throw notAFolder(model);
  const hubModel = parseHubName(model);
  if (hubModel === undefined || isAbsolute(path)) throw await nothingThere(model, path);
  const cacheDir = options.cacheDir ?? defaultCacheFolder(environment);
  const repository = ownRepository(cacheDir, hubModel);
  const theirs = huggingFaceCacheFolder(environment);
  const cached =
    (await findSnapshot(repository, hubModel)) ??
    (theirs === undefined
      ? undefined
      : await findSnapshot(huggingFaceRepository(theirs, "model", hubModel.id), hubModel));
  if (cached !== undefined) return cached;
  if (!model.includes("@") && meansLocalFolder(model)) throw await noSuchFolder(model, true);
  if (isOffline(environment)) {
    const offline = new CoxswainError(
      "model",
      `${model} is not in any cache of this machine, and HF_HUB_OFFLINE is set`,
      {
        hint: `Unset HF_HUB_OFFLINE, or fetch the model by hand and give its folder as "model".`,
      },
    );
    throw await orSimilarFolder(offline, path);
  }
  const { fetch, hubUrl, wait } = options;
  const access = await hubAccess({ environment, fetch, hubUrl, wait });
  return inCache(cacheDir, cacheDir, () => downloadModel(repository, hubModel, access, onProgress)).catch(
    async (error: unknown) => {
      throw await orSimilarFolder(error, path);
    },
  );
}

/** @throws CoxswainError "model" for an inaccessible path: a cycle of links, or no permission */
async function placeAt(path: string): Promise<"folder" | "file" | undefined> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "file";
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemCodeOf(error) ?? "")) return undefined;
    throw storageTrouble(error, path, "model");
  }
}

/** If the hub does not have the model, the error suggests a folder with a similar name. */
async function orSimilarFolder(error: unknown, path: string): Promise<unknown> {
  if (!(error instanceof CoxswainError) || (error.code !== "model" && error.code !== "network")) return error;
  const similar = await similarFolder(path);
  if (similar === undefined) return error;
  const hint = `Did you mean the folder ${similar}? ${error.hint ?? ""}`;
  return new CoxswainError(error.code, error.message, { hint, cause: error.cause });
}
