/** What is said of a data set, besides its files. */
import { CoxswainError } from "../../errors.js";
import { isCommit } from "../cache.js";
import { parquetBranch } from "./parquet-branch.js";
import type { DatasetRepository } from "./repository.js";
import type { DatasetVersion } from "./version.js";

/** `train-00001-of-00004.parquet` announces how many there are. */
export function noteMissingShards(id: string, names: readonly string[], onNote: (text: string) => void): void {
  const counts = new Map<string, { there: number; announced: number }>();
  for (const name of names) {
    const [, stem = "", announced] = /^(.*)-\d{5}-of-(\d{5})/.exec(name) ?? [];
    if (announced === undefined) continue;
    const key = `${stem}-of-${announced}`;
    counts.set(key, { there: (counts.get(key)?.there ?? 0) + 1, announced: Number(announced) });
  }
  for (const [key, { there, announced }] of counts) {
    if (there < announced) onNote(`${id} has only ${there} of the ${announced} files ${key.replace("-of-", "-…-of-")}`);
  }
}

/** Says that the branch has another commit now than the run started with. */
export async function noteMoved(
  source: DatasetRepository,
  asked: {
    id: string;
    revision: string;
    version: DatasetVersion;
    onNote: (text: string) => void;
  },
): Promise<void> {
  const { id, revision, version, onNote } = asked;
  if (isCommit(revision)) return;
  const branch = version.by === parquetBranch ? parquetBranch : revision;
  // Only for the note: the recorded commit is read in any case.
  const now = await source.commit(branch).catch((error: unknown) => {
    if (error instanceof CoxswainError && error.code !== "interrupted") return version.commit;
    throw error;
  });
  if (now === version.commit) return;
  onNote(
    `${id}: ${branch} has moved to ${now.slice(0, 7)}; the run continues with ${version.commit.slice(0, 7)}, with which it started`,
  );
}

export function someOf(names: readonly string[], most = 5): string {
  const rest = names.length - most;
  return names.slice(0, most).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
