/**
 * Decides from a folder's contents whether a run may use it as output folder. Pure. A run never overwrites a file that
 * Coxswain did not write: a folder that no run has used must not contain any of the names that a run writes to.
 */
import { resolvedFile } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import type { FolderContents, FolderEntry } from "./contents.js";

/** Files that are replaced as a whole: even in a run's own folder they must have been written by Coxswain. */
const replaced: ReadonlySet<string> = new Set([resolvedFile, "queue.json", ".lock"]);

/** @returns why the folder cannot be used; undefined if it can */
export function claimProblem(outputDir: string, { kind, marked, entries }: FolderContents): CoxswainError | undefined {
  if (kind === "absent") return undefined;
  if (kind === "other")
    return new CoxswainError("config", `output_dir: ${outputDir} is not a folder`, {
      hint: "Choose another output_dir.",
    });
  const strange = entries.find((entry) => isInTheWay(entry, marked));
  return strange === undefined ? undefined : foreign(outputDir, strange);
}

function isInTheWay({ name, kind, expected, state }: FolderEntry, marked: boolean): boolean {
  return kind !== expected || (state === "foreign" && (!marked || replaced.has(name)));
}

function foreign(outputDir: string, { name, kind, expected }: FolderEntry): CoxswainError {
  const shown = kind === "folder" ? `${name}/` : name;
  const reason =
    kind === "other"
      ? "it is a link, a pipe or a device, and a run does not write through those"
      : `a run ${kind === expected ? "writes there" : `has a ${expected} of that name`}, and never over somebody else's files`;
  return new CoxswainError("config", `output_dir: ${outputDir} already holds ${shown}, which Coxswain did not write`, {
    hint:
      `Choose another output_dir, or move ${shown} away: ${reason}. ` +
      "(--resume goes on with Coxswain's own runs alone.)",
  });
}
