/** From what a run file calls a model, a folder or a hub id, to a folder on this machine. */
import { stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CoxswainError, systemCodeOf } from "../errors.js";
import {
  checkNamedCache,
  defaultCacheFolder,
  homeFolder,
  huggingFaceCacheFolder,
  inCache,
  type Environment,
} from "./cache.js";
import { storageTrouble } from "./files.js";
import { findSnapshot, huggingFaceRepository, ownRepository, parseHubModel } from "./hub-cache.js";
import { hubFetch, hubProxy } from "./hub-fetch.js";
import { downloadModel, type ProgressListener } from "./hub-download.js";
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

const publicHub = "https://huggingface.co";

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
  const hubModel = parseHubModel(model);
  if (hubModel === undefined || isAbsolute(path)) throw await nothingThere(model, path);
  const cacheDir = options.cacheDir ?? defaultCacheFolder(environment);
  const repository = ownRepository(cacheDir, hubModel);
  const theirs = huggingFaceCacheFolder(environment);
  const cached =
    (await findSnapshot(repository, hubModel)) ??
    (theirs === undefined ? undefined : await findSnapshot(huggingFaceRepository(theirs, hubModel), hubModel));
  if (cached !== undefined) return cached;
  if (/^(1|on|yes|true)$/i.test(environment["HF_HUB_OFFLINE"] ?? "")) {
    const offline = new CoxswainError(
      "model",
      `${model} is not in any cache of this machine, and HF_HUB_OFFLINE is set`,
      {
        hint: `Unset HF_HUB_OFFLINE, or fetch the model by hand and give its folder as "model".`,
      },
    );
    throw await orSimilarFolder(offline, path);
  }
  const url = hubUrl(options.hubUrl ?? environment["HF_ENDPOINT"]);
  const access = {
    url,
    token: environment["HF_TOKEN"] === "" ? undefined : environment["HF_TOKEN"],
    fetch: options.fetch ?? (await hubFetch(environment)),
    proxy: options.fetch === undefined ? hubProxy(url, environment) : undefined,
    wait: options.wait ?? ((milliseconds: number) => delay(milliseconds)),
  };
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

function hubUrl(text: string | undefined): string {
  if (text === undefined || text === "") return publicHub;
  if (!/^https?:[/][/]/.test(text) || !URL.canParse(text)) {
    throw new CoxswainError("config", `HF_ENDPOINT is ${JSON.stringify(text)}, which is not an http URL`, {
      hint: `Set it to the URL of a Hugging Face hub, such as ${publicHub}, or unset it.`,
    });
  }
  return text.replace(/[/]+$/, "");
}
