/** Errors of publishing as messages with hints. Pure. */
import { CoxswainError } from "../errors.js";
import type { HubAccess } from "./access.js";
import { shownName, statusOf, transportTrouble, wordsOf } from "./trouble.js";

export interface Publishing {
  readonly id: string;
  readonly revision: string;
  /** Whether the commit itself was sent: without an answer, whether it was made is not known. */
  readonly isCommitting: boolean;
}

const tokenPage = (access: HubAccess): string => `${access.url}/settings/tokens`;

/** @returns the error for a missing token */
export const noToken = (access: HubAccess): CoxswainError =>
  new CoxswainError("config", "publishing to the hub requires a token, and HF_TOKEN is not set", {
    hint: `Create one with the role "write" at ${tokenPage(access)} and set HF_TOKEN to it, or run \`hf auth login\`.`,
  });

export function publishTrouble(error: unknown, publishing: Publishing, access: HubAccess): Error {
  const { id, revision, isCommitting } = publishing;
  if (error instanceof CoxswainError) return error;
  const { host } = new URL(access.url);
  const request = { kind: "model", id, revision, doing: "publish to", byHand: "" } as const;
  const outcome = isCommitting
    ? `whether the commit was made is not known: see ${access.url}/${id}`
    : "nothing was published";
  const transport = transportTrouble(error, request, access);
  if (transport !== undefined) {
    const { code, message, hint, cause } = transport;
    return new CoxswainError(code, `${message}; ${outcome}`, { ...(hint === undefined ? {} : { hint }), cause });
  }
  const status = statusOf(error);
  const words = wordsOf(error).replace(/[.\s]+$/, "");
  if (status === 401) {
    return new CoxswainError("config", `${host} does not accept ${access.tokenOrigin} (401): nothing was published`, {
      hint: `It may be mistyped, expired or revoked: create another with the role "write" at ${tokenPage(access)}.`,
      cause: error,
    });
  }
  if (status === 403) {
    return new CoxswainError(
      "config",
      `${access.tokenOrigin} may not write to ${id} (403: ${words}): nothing was published`,
      {
        hint: `Use a token with the role "write", or with write access to ${id}, from ${tokenPage(access)}; check the owner's name.`,
        cause: error,
      },
    );
  }
  if (status === 404) {
    return new CoxswainError("config", `${host} has no repository ${shownName({ id, revision })} to write to (404)`, {
      hint: "Check the name and the revision, which must be a branch, and HF_ENDPOINT.",
      cause: error,
    });
  }
  if (status !== undefined && status < 500) {
    return new CoxswainError("config", `${host} refused the upload to ${id} (${status}: ${words})`, {
      hint: "Check the name of the repository and of the branch.",
      cause: error,
    });
  }
  if (status !== undefined) {
    return new CoxswainError("network", `${host} answered ${status} while publishing to ${id}: ${outcome}`, {
      hint: "Try again later: files that are already uploaded are not uploaded again.",
      cause: error,
    });
  }
  return error instanceof Error ? error : new Error(String(error));
}
