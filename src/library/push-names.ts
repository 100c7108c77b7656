/** Checks the names of what is published, before anything is read or asked. Pure. */
import { CoxswainError } from "../errors.js";

export interface PublishedNames {
  readonly repo: string;
  readonly revision?: string | undefined;
  readonly baseModel?: string | undefined;
  readonly message?: string | undefined;
}

/** @throws CoxswainError "usage" */
export function checkNames({ repo, revision = "main", baseModel, message }: PublishedNames): void {
  const hint = "A repository is named owner/name, in letters, digits, and - _ . within the name.";
  if (!isRepositoryName(repo)) {
    throw new CoxswainError("usage", `${JSON.stringify(repo)} is not the name of a repository`, { hint });
  }
  if (baseModel !== undefined && !isRepositoryName(baseModel)) {
    throw new CoxswainError("usage", `${JSON.stringify(baseModel)} is not the hub id of a model`, { hint });
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(revision) || /\.\.|\/\/|\/$|\.lock$|^[0-9a-f]{40}$/.test(revision)) {
    throw new CoxswainError("usage", `${JSON.stringify(revision)} is not the name of a branch`, {
      hint: "Give the name of a branch, such as main or v2.",
    });
  }
  if (message?.trim() === "") throw new CoxswainError("usage", "the commit's message is empty");
}

/** The hub's rules. */
function isRepositoryName(text: string): boolean {
  const part = "[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?";
  return new RegExp(`^${part}/${part}$`).test(text) && text.length <= 96 && !/--|\.\.|\.git$/.test(text);
}
