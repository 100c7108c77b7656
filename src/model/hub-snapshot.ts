/** Snapshots of models, in Coxswain's cache and in that of the Hugging Face libraries. */
import { join } from "node:path";
import { CoxswainError } from "../errors.js";
import { cachedCommit, snapshotFolder, type HubName } from "../hub/index.js";
import { requireModelFiles } from "./open-folder.js";

/** Where Coxswain keeps a hub model's snapshots. */
export const ownRepository = (cacheDir: string, { id }: HubName): string =>
  join(cacheDir, "models", "hub", id.replace("/", "--"));

/** The snapshot of a revision in `repository`, if it exists and is complete. */
export async function findSnapshot(repository: string, { revision }: HubName): Promise<string | undefined> {
  const commit = await cachedCommit(repository, revision);
  const snapshot = commit === undefined ? undefined : await snapshotFolder(repository, commit);
  if (snapshot === undefined) return undefined;
  try {
    await requireModelFiles(snapshot);
    return snapshot;
  } catch (error) {
    // Incomplete: another program fetched only a part, for its own use.
    if (error instanceof CoxswainError) return undefined;
    throw error;
  }
}
