/**
 * Downloads the files of a hub model that training needs into Coxswain's cache. Completed files survive an
 * interruption.
 */
import { rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { makeFolders } from "../make-folders.js";
import { proxyAnswer, proxyHint } from "../proxy/index.js";
import type { Proxy } from "../proxy/index.js";
import { flushFolder, removeLeftovers, temporaryName } from "./durable.js";
import { storageTrouble } from "./files.js";
import { findSnapshot, writeRef, type HubModel } from "./hub-cache.js";
import { downloadHubFile, isConnectionTrouble, listHubFiles, type HubAccess, type HubFile } from "./hub-files.js";
import { isModelFile } from "./manifest.js";
import { indexFile, readIndex, weightsFile } from "./open-folder.js";

/** Receives progress messages for the user. */
export type ProgressListener = (text: string) => void;

/**
 * Downloads a model's configuration, tokenizer and safetensors files.
 * @param repository where its snapshots go (see `hub-cache.ts`)
 * @returns the snapshot's folder
 * @throws CoxswainError "network" for a hub that cannot be reached, "model" for a model that does not exist, requires a
 *   token, or is available only in other formats, "storage" for a full disk or a similar error
 */
export async function downloadModel(
  repository: string,
  model: HubModel,
  access: HubAccess,
  onProgress: ProgressListener,
): Promise<string> {
  try {
    onProgress(`looking up ${model.id} on ${new URL(access.url).host}`);
    const { commit, files } = await listHubFiles(model.id, model.revision, access);
    const snapshot = await fetchSnapshot(repository, model, commit, files, access, onProgress);
    await writeRef(repository, model, commit);
    return snapshot;
  } catch (error) {
    throw hubTrouble(error, model, access);
  }
}

async function fetchSnapshot(
  repository: string,
  { id }: HubModel,
  commit: string,
  listed: readonly HubFile[],
  access: HubAccess,
  onProgress: ProgressListener,
): Promise<string> {
  const snapshots = join(repository, "snapshots");
  const parts = join(repository, "parts");
  const incoming = join(repository, "incoming", commit);
  try {
    for (const folder of [snapshots, parts, incoming]) await makeFolders(folder);
  } catch (error) {
    throw storageTrouble(error, repository);
  }
  await removeLeftovers(parts);
  const fetchFile = async (file: HubFile, onBytes: (bytes: number) => void): Promise<void> => {
    const to = join(incoming, file.name);
    // A file with its final name was already verified.
    if ((await stat(to).catch(() => undefined))?.size === file.bytes) {
      onBytes(file.bytes);
      return;
    }
    const aside = join(parts, temporaryName(file.name));
    await downloadHubFile({ id, commit, file, aside, to, onBytes }, access);
  };
  try {
    const wanted = await wantedFiles(id, listed, incoming, fetchFile);
    const count = progressCounter(id, wanted, onProgress);
    for (const file of wanted) await fetchFile(file, count);
    await flushFolder(incoming);
    await rename(incoming, join(snapshots, commit));
    await flushFolder(snapshots);
  } catch (error) {
    // Another process may have finished the same download and moved the folder.
    const finished = await findSnapshot(repository, { id, revision: commit });
    if (finished === undefined) throw storageTrouble(error, incoming);
  }
  return join(snapshots, commit);
}

/** Configuration, tokenizer, and one set of weights: a single file wins over shards, as in transformers. */
async function wantedFiles(
  id: string,
  listed: readonly HubFile[],
  incoming: string,
  fetchFile: (file: HubFile, onBytes: (bytes: number) => void) => Promise<void>,
): Promise<HubFile[]> {
  const byName = new Map(listed.map((file) => [file.name, file]));
  const companions = listed.filter(
    ({ name }) => isModelFile(name) && !name.endsWith(".safetensors") && name !== indexFile,
  );
  const single = byName.get(weightsFile);
  if (single !== undefined) return [...companions, single];
  const index = byName.get(indexFile);
  if (index === undefined) {
    throw new CoxswainError("model", `${id} has neither ${weightsFile} nor ${indexFile} on the hub`, {
      hint: "Choose a model that is published as safetensors, or convert it and give its folder.",
    });
  }
  await fetchFile(index, () => undefined);
  const shards = [...new Set((await readIndex(join(incoming, indexFile))).values())].map((name) => {
    const shard = byName.get(name);
    if (shard !== undefined) return shard;
    throw new CoxswainError("model", `${id} lacks ${name} on the hub, which its ${indexFile} names`, {
      hint: "The model is incomplete: choose another revision.",
    });
  });
  return [...companions, index, ...shards];
}

/** Reports a download's progress, one line per percent. */
function progressCounter(id: string, files: readonly HubFile[], onProgress: ProgressListener): (bytes: number) => void {
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  let done = 0;
  let shown = -1;
  return (bytes) => {
    done += bytes;
    const percent = Math.floor((100 * done) / total);
    if (percent === shown) return;
    shown = percent;
    onProgress(`downloading ${id}: ${percent} % of ${(total / 1e6).toFixed(1)} MB`);
  };
}

/** Converts errors of the hub's library to messages with hints. */
function hubTrouble(error: unknown, { id, revision }: HubModel, access: HubAccess): Error {
  if (error instanceof CoxswainError) return error;
  const { host } = new URL(access.url);
  const name = revision === "main" ? id : `${id}@${revision}`;
  const byHand = `Or fetch the model by hand and give its folder as "model".`;
  const status = statusOf(error);
  const proxyTrouble = access.proxy === undefined ? undefined : proxyReason(error, access.proxy);
  if (access.proxy !== undefined && proxyTrouble !== undefined) {
    return new CoxswainError("network", `cannot fetch ${name} from ${host}: ${proxyTrouble}`, {
      hint: `${proxyHint(access.proxy)} ${byHand}`,
      cause: error,
    });
  }
  if (status === 401 || status === 403) {
    const hint =
      access.token === undefined
        ? "set HF_TOKEN to a token that may read it"
        : "HF_TOKEN may not read it: accept the model's terms on its page";
    return new CoxswainError("model", `${host} has no model ${name}, or does not show it (${status})`, {
      hint: `Check the name; if the model is private or gated, ${hint}. ${byHand}`,
      cause: error,
    });
  }
  if (status === 404) {
    return new CoxswainError("model", `${host} has no model ${name} (404)`, {
      hint: `Check the name${revision === "main" ? "" : " and the revision"}; a folder must be given as an existing path. ${byHand}`,
      cause: error,
    });
  }
  if (status !== undefined) {
    return new CoxswainError("network", `${host} answered ${status} for ${name}`, {
      hint: `Try again later. ${byHand}`,
      cause: error,
    });
  }
  if (error instanceof TypeError && error.message.includes("access token")) {
    return new CoxswainError("config", `HF_TOKEN is not a Hugging Face token: ${error.message}`, {
      hint: "Set HF_TOKEN to a token that starts with hf_, or unset it.",
      cause: error,
    });
  }
  if (!isConnectionTrouble(error)) return error instanceof Error ? error : new Error(messageOf(error));
  const reason = networkReason(error);
  const through = access.proxy === undefined ? "" : ` through the proxy ${access.proxy.shown}`;
  const untrusted = /CERT|SELF_SIGNED|ISSUER|VERIFY/.test(reason);
  const hint = untrusted
    ? "Node does not trust the authority that signed its certificate, which may belong to an intercepting proxy: set NODE_EXTRA_CA_CERTS to that authority's PEM file."
    : "Check the connection, https_proxy, http_proxy and no_proxy, or set HF_ENDPOINT to another hub.";
  return new CoxswainError("network", `cannot fetch ${name} from ${host}${through}: ${reason}`, {
    hint: `${hint} ${byHand}`,
    cause: error,
  });
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("statusCode" in error)) return undefined;
  return typeof error.statusCode === "number" ? error.statusCode : undefined;
}

/** The problem with the proxy itself, as a clause; undefined if there is none. */
function proxyReason(error: unknown, { shown }: Proxy): string | undefined {
  const causes = causesOf(error);
  const refused = /Proxy response \((\d+)\)/.exec(causes.map(messageOf).join(" "))?.[1];
  const status = refused === undefined ? statusOf(error) : Number(refused);
  if (status !== undefined && (refused !== undefined || status === 407))
    return `the proxy ${shown} ${proxyAnswer(status)}`;
  // The only connection was to the proxy.
  const code = causes.map(systemCodeOf).findLast((known) => known !== undefined);
  const unreachable = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/;
  return code !== undefined && unreachable.test(code) ? `the proxy ${shown} cannot be reached: ${code}` : undefined;
}

/** An error and its chain of causes. */
function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = [];
  for (let current = error; current !== undefined && causes.length < 10;) {
    causes.push(current);
    current = current instanceof Error ? current.cause : undefined;
  }
  return causes;
}

/** `fetch` reports "fetch failed", with the reason in its cause. */
function networkReason(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return systemCodeOf(cause) ?? (cause instanceof Error ? cause.message : messageOf(error));
}
