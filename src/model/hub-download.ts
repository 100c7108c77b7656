/**
 * Downloads the files of a hub model that training needs into Coxswain's cache. Completed files survive an
 * interruption, and so does what has arrived of the others.
 */
import { rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { CoxswainError } from "../errors.js";
import { downloadHubFile, hubTrouble, listHubFiles, progressCounter, resolveCommit, writeRef } from "../hub/index.js";
import type { HubAccess, HubFile, HubName, ProgressListener } from "../hub/index.js";
import { makeFolders } from "../make-folders.js";
import { flushFolder, removeLeftovers, storageTrouble } from "../storage/index.js";
import { findSnapshot } from "./hub-snapshot.js";
import { isModelFile } from "./manifest.js";
import { indexFile, readIndex, weightsFile } from "./open-folder.js";

/**
 * Downloads a model's configuration, tokenizer and safetensors files.
 * @param repository where its snapshots go (see `hub-snapshot.ts`)
 * @returns the snapshot's folder
 * @throws CoxswainError "network" for a hub that cannot be reached, "model" for a model that does not exist, requires a
 *   token, or is available only in other formats, "storage" for a full disk or a similar error
 */
export async function downloadModel(
  repository: string,
  model: HubName,
  access: HubAccess,
  onProgress: ProgressListener,
): Promise<string> {
  try {
    onProgress(`looking up ${model.id} on ${new URL(access.url).host}`);
    const asked = { kind: "model", id: model.id } as const;
    const commit = await resolveCommit(asked, model.revision, access);
    const files = await listHubFiles(asked, commit, access, "top folder");
    const snapshot = await fetchSnapshot(repository, model, commit, files, access, onProgress);
    await writeRef(repository, model.revision, commit);
    return snapshot;
  } catch (error) {
    const byHand = `Or fetch the model by hand and give its folder as "model".`;
    throw hubTrouble(error, { kind: "model", ...model, doing: "fetch", byHand }, access);
  }
}

async function fetchSnapshot(
  repository: string,
  { id }: HubName,
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
  const fetchFile = async (file: HubFile, onBytes: (bytes: number) => void): Promise<void> => {
    const to = join(incoming, file.name);
    // A file with its final name was already verified.
    if ((await stat(to).catch(() => undefined))?.size === file.bytes) {
      onBytes(file.bytes);
      return;
    }
    await downloadHubFile({ repository: { kind: "model", id }, commit, file, folder: parts, to, onBytes }, access);
  };
  try {
    const wanted = await wantedFiles(id, listed, incoming, fetchFile);
    const count = progressCounter(id, wanted, onProgress);
    for (const file of wanted) await fetchFile(file, count);
    await flushFolder(incoming);
    await rename(incoming, join(snapshots, commit));
    await flushFolder(snapshots);
    await removeLeftovers(parts);
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
