/** A data set's repository, as the hub shows it or as the caches of this machine have it. */
import { readFile } from "node:fs/promises";
import { CoxswainError } from "../../errors.js";
import { storageTrouble } from "../../storage/index.js";
import type { HubAccess } from "../access.js";
import { cachedCommit, snapshotFolder, writeRef } from "../cache.js";
import { downloadHubFile } from "../download.js";
import { listHubFiles, resolveCommit, type HubFile } from "../listing.js";
import { progressCounter, type ProgressListener } from "../progress.js";
import { hubTrouble } from "../trouble.js";
import { addToSnapshot, filesInSnapshot, isCached, snapshotPath } from "./cached-files.js";
import { readList, writeList } from "./cached-list.js";

export interface DatasetRepository {
  /** The commit of a branch or tag. */
  readonly commit: (revision: string) => Promise<string>;
  /** All files of a commit. */
  readonly list: (commit: string) => Promise<readonly HubFile[]>;
  /** Local paths of files, in the given order. */
  readonly fetch: (commit: string, files: readonly HubFile[]) => Promise<string[]>;
}

export interface Places {
  /** "owner/name" */
  readonly id: string;
  /** As the user named it, for messages. */
  readonly revision: string;
  /** The data set's folder in the cache of the Hugging Face libraries. */
  readonly repository: string;
}

/** A small file's text; undefined if the commit does not have it. */
export async function textOf(
  { fetch }: DatasetRepository,
  commit: string,
  files: readonly HubFile[],
  name: string,
): Promise<string | undefined> {
  const file = files.find((each) => each.name === name);
  const [path] = file === undefined ? [] : await fetch(commit, [file]);
  return path === undefined ? undefined : readFile(path, "utf8");
}

export function onlineRepository(places: Places, access: HubAccess, onProgress: ProgressListener): DatasetRepository {
  const { id, revision: asked, repository } = places;
  const name = { kind: "dataset", id } as const;
  /** @param revision for messages */
  const asking = async <T>(revision: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      const byHand = "Or download the files by hand and give their paths.";
      throw inHubCache(hubTrouble(error, { ...name, revision, doing: "fetch", byHand }, access), repository);
    }
  };
  return {
    commit: (revision) =>
      asking(revision, async () => {
        onProgress(`looking up ${id} on ${new URL(access.url).host}`);
        const commit = await resolveCommit(name, revision, access);
        await writeRef(repository, revision, commit);
        return commit;
      }),
    list: (commit) =>
      asking(commit, async () => {
        const kept = await readList(repository, commit);
        if (kept !== undefined) return kept;
        const files = await listHubFiles(name, commit, access, "all folders");
        await writeList(repository, commit, files).catch((error: unknown) => {
          throw storageTrouble(error, repository);
        });
        return files;
      }),
    fetch: (commit, files) =>
      asking(asked, async () => {
        const missing = new Set<HubFile>();
        for (const file of files) if (!(await isCached(repository, commit, file))) missing.add(file);
        const onBytes = progressCounter(id, [...missing], onProgress);
        for (const file of missing) {
          await addToSnapshot(repository, commit, file, (to, folder) =>
            downloadHubFile({ repository: name, commit, file, folder, to, onBytes }, access),
          ).catch((error: unknown) => {
            throw storageTrouble(error, repository);
          });
        }
        return files.map((file) => snapshotPath(repository, commit, file.name));
      }),
  };
}

/** @param onNote called if the cache does not say whether it has all files */
export function offlineRepository(places: Places, why: string, onNote: (text: string) => void): DatasetRepository {
  const { id, repository } = places;
  const missing = (what: string): CoxswainError =>
    new CoxswainError("data", `${what} is not in the cache of this machine, and ${why}`, {
      hint: `Fetch it where the hub can be reached: hf download ${id} --repo-type dataset. Or download the files by hand and give their paths.`,
    });
  return {
    commit: async (revision) => {
      const commit = await cachedCommit(repository, revision);
      if (commit === undefined) throw missing(revision === "main" ? id : `${id}@${revision}`);
      return commit;
    },
    list: async (commit) => {
      const kept = await readList(repository, commit);
      if (kept !== undefined) return kept;
      const snapshot = await snapshotFolder(repository, commit);
      if (snapshot === undefined) throw missing(`${id} at ${commit}`);
      onNote(`${id}: whether the cache has all of its files is not known, since ${why}`);
      return filesInSnapshot(snapshot);
    },
    fetch: async (commit, files) => {
      for (const file of files) {
        if (!(await isCached(repository, commit, file))) throw missing(`${file.name} of ${id}`);
      }
      return files.map((file) => snapshotPath(repository, commit, file.name));
    },
  };
}

/** The hint of an error of the shared cache names the variables that change its place. */
function inHubCache(error: Error, repository: string): Error {
  if (!(error instanceof CoxswainError) || error.code !== "storage") return error;
  const { message, hint = "", cause } = error;
  const text = message.includes(repository) ? message : `${repository}: ${message}`;
  return new CoxswainError("storage", text, {
    hint: `${hint} Set HF_HOME or HF_HUB_CACHE for another cache.`.trim(),
    cause,
  });
}
