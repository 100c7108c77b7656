/** What a repository of the hub contains at a revision. */
import { CoxswainError } from "../errors.js";
import type { HubAccess } from "./access.js";
import { isCommit, type RepositoryKind } from "./cache.js";

/** A repository on the hub. */
export interface HubRepository {
  readonly kind: RepositoryKind;
  /** "owner/name" */
  readonly id: string;
}

/** A file of a repository, as the hub lists it. */
export interface HubFile {
  /** Path within the repository, with "/". */
  readonly name: string;
  readonly bytes: number;
  /** Checksum of its content: SHA-256 of large files, git's object id (SHA-1) of small ones. */
  readonly check: { readonly algorithm: "sha256" | "git-sha1"; readonly hash: string } | undefined;
  /** Git's object id. */
  readonly blob?: string | undefined;
  readonly xet?: string | undefined;
}

/**
 * The commit of a revision.
 * @throws the library's error for a repository or revision that does not exist
 */
export async function resolveCommit({ kind, id }: HubRepository, revision: string, access: HubAccess): Promise<string> {
  const { datasetInfo, modelInfo } = await import("@huggingface/hub");
  const asked = { ...common(access), name: id, revision, additionalFields: ["sha"] as "sha"[] };
  const { sha: commit } = kind === "model" ? await modelInfo(asked) : await datasetInfo(asked);
  if (isCommit(commit)) return commit;
  throw new CoxswainError("network", `${new URL(access.url).host} returned no commit for ${id}`, {
    hint: "Check HF_ENDPOINT: it must be a Hugging Face hub or a mirror.",
  });
}

/** The files of a commit, in the hub's order. @param folders also those in folders, or only at the top */
export async function listHubFiles(
  { kind, id }: HubRepository,
  commit: string,
  access: HubAccess,
  folders: "all folders" | "top folder",
): Promise<HubFile[]> {
  const { listFiles } = await import("@huggingface/hub");
  const files: HubFile[] = [];
  const recursive = folders === "all folders";
  for await (const entry of listFiles({
    ...common(access),
    repo: { type: kind, name: id },
    revision: commit,
    recursive,
  })) {
    if (entry.type !== "file") continue;
    const { path: name, size: bytes, lfs, oid, xetHash } = entry;
    const small = oid === undefined ? undefined : ({ algorithm: "git-sha1", hash: oid } as const);
    const check = lfs === undefined ? small : ({ algorithm: "sha256", hash: lfs.oid } as const);
    files.push({ name, bytes, check, blob: oid, xet: xetHash });
  }
  return files;
}

/** What every call of the library takes. */
export const common = ({
  url,
  token,
  fetch,
}: HubAccess): { hubUrl: string; fetch: HubAccess["fetch"]; accessToken?: string } => ({
  hubUrl: url,
  fetch,
  ...(token === undefined ? {} : { accessToken: token }),
});
