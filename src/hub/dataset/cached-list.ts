/**
 * The hub's list of a commit's files, in the cache of the Hugging Face libraries: `trees/COMMIT.json`, as huggingface_hub
 * writes and reads it. A commit's files never change.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { makeFolders } from "../../make-folders.js";
import { temporaryName } from "../../storage/index.js";
import type { HubFile } from "../listing.js";

const version = 1;
const size = z.int().min(0);
const treeSchema = z.object({
  format_version: z.literal(version),
  files: z.record(
    z.string(),
    z.object({
      size,
      blob_id: z.string(),
      lfs_sha256: z.string().nullish(),
      lfs_size: size.nullish(),
      xet_hash: z.string().nullish(),
    }),
  ),
});

const listPath = (repository: string, commit: string): string => join(repository, "trees", `${commit}.json`);

/** @returns undefined if it is not there, damaged, or of a later version: it is fetched again */
export async function readList(repository: string, commit: string): Promise<HubFile[] | undefined> {
  try {
    const { files } = treeSchema.parse(JSON.parse(await readFile(listPath(repository, commit), "utf8")));
    return Object.entries(files).map(([name, { size: bytes, blob_id: blob, lfs_sha256: sha256, xet_hash: xet }]) => ({
      name,
      bytes,
      blob,
      xet: xet ?? undefined,
      check:
        sha256 == null
          ? { algorithm: "git-sha1" as const, hash: blob }
          : { algorithm: "sha256" as const, hash: sha256 },
    }));
  } catch {
    return undefined;
  }
}

/** Nothing is written for a hub that lists files without their ids. */
export async function writeList(repository: string, commit: string, files: readonly HubFile[]): Promise<void> {
  if (files.some(({ blob }) => blob === undefined)) return;
  const entries = files.map(({ name, bytes, blob, xet, check }) => [
    name,
    {
      size: bytes,
      blob_id: blob,
      ...(check?.algorithm === "sha256" ? { lfs_sha256: check.hash, lfs_size: bytes } : {}),
      ...(xet === undefined ? {} : { xet_hash: xet }),
    },
  ]);
  const path = listPath(repository, commit);
  await makeFolders(dirname(path));
  const aside = join(dirname(path), temporaryName("list"));
  await writeFile(aside, JSON.stringify({ format_version: version, files: Object.fromEntries(entries) as object }));
  await rename(aside, path);
}
