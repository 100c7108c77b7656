/** Publishes files to a model repository of the hub, as one commit: all of them or none. Does not know what they are. */
import type { CommitProgressEvent } from "@huggingface/hub";
import { CoxswainError, messageOf } from "../errors.js";
import type { HubAccess } from "./access.js";
import { common } from "./listing.js";
import { publishTrouble } from "./publish-trouble.js";
import { statusOf } from "./trouble.js";

export interface PublishRequest {
  /** "owner/name" */
  readonly id: string;
  /** A branch; created from main if it does not exist. */
  readonly revision: string;
  /** Visibility of a new repository. */
  readonly isPrivate: boolean;
  /** The commit's message. */
  readonly message: string;
  /** Contents, or `file:` URLs, by name within the repository. */
  readonly files: ReadonlyMap<string, Uint8Array | URL>;
}

export interface Published {
  /** The page of the repository, or of its branch. */
  readonly url: string;
  readonly commit: string;
  /** Whether the repository is new. */
  readonly isNew: boolean;
}

/**
 * @throws CoxswainError "config" for a missing or read-only token, "network" for a hub that cannot be reached,
 *   "interrupted"; nothing is published then, unless the message says that it is not known
 */
export async function publish(
  request: PublishRequest,
  access: HubAccess,
  onProgress: (text: string) => void,
): Promise<Published> {
  const { id, revision } = request;
  const hub: HubAccess = { ...access, fetch: sameHub(access) };
  let phase = "creating";
  try {
    onProgress(`looking for ${id} on ${new URL(access.url).host}`);
    const isNew = await createIfAbsent(request, hub);
    phase = "preparing";
    if (revision !== "main") await createBranchIfAbsent(request, hub);
    const commit = await commitFiles(request, hub, onProgress, (current) => (phase = current));
    const url = `${access.url}/${id}${revision === "main" ? "" : `/tree/${revision}`}`;
    return { url, commit, isNew };
  } catch (error) {
    throw publishTrouble(error, { id, revision, isCommitting: phase === "committing" }, access);
  }
}

/** @returns whether it was created */
async function createIfAbsent({ id, isPrivate }: PublishRequest, access: HubAccess): Promise<boolean> {
  const { createRepo, repoExists } = await import("@huggingface/hub");
  const { accessToken, ...where } = common(access);
  const repo = { type: "model", name: id } as const;
  try {
    await createRepo({ ...where, accessToken: accessToken ?? "", repo, visibility: isPrivate ? "private" : "public" });
    return true;
  } catch (error) {
    const status = statusOf(error);
    if (status === 409) return false;
    // A token may write to a repository without the right to create any.
    if (status === 403 && (await repoExists({ ...common(access), repo }).catch(() => false))) return false;
    throw error;
  }
}

async function createBranchIfAbsent({ id, revision }: PublishRequest, access: HubAccess): Promise<void> {
  const { createBranch } = await import("@huggingface/hub");
  try {
    await createBranch({ ...common(access), repo: { type: "model", name: id }, branch: revision });
  } catch (error) {
    if (statusOf(error) !== 409) throw error;
  }
}

async function commitFiles(
  { id, revision, message, files }: PublishRequest,
  access: HubAccess,
  onProgress: (text: string) => void,
  onPhase: (phase: CommitPhase) => void,
): Promise<string> {
  const { commitIter } = await import("@huggingface/hub");
  const events = commitIter({
    ...common(access),
    repo: { type: "model", name: id },
    branch: revision,
    title: message,
    operations: [...files].map(([path, content]) => ({
      operation: "addOrUpdate" as const,
      path,
      content: content instanceof URL ? content : new Blob([new Uint8Array(content)]),
    })),
    // Plain uploads work with every mirror and proxy.
    useXet: false,
    ...(access.signal === undefined ? {} : { abortSignal: access.signal }),
  });
  for (;;) {
    const next = await events.next();
    if (next.done === true) {
      if (next.value === undefined) throw new CoxswainError("network", `the hub returned no commit for ${id}`);
      return next.value.commit.oid;
    }
    const event = next.value;
    if (event.event === "phase") onPhase(event.phase);
    else if (event.state === "error")
      throw new CoxswainError("network", `${event.path} could not be uploaded to ${id}`);
    else onProgress(`${event.state} ${event.path}: ${Math.floor(100 * event.progress)} %`);
  }
}

type CommitPhase = Extract<CommitProgressEvent, { event: "phase" }>["phase"];

const mostRedirects = 5;

/**
 * Follows redirects on the hub itself, as for a renamed repository. One to another server is an error: a changed method
 * or a dropped token would give a misleading answer there.
 */
function sameHub({ url, fetch }: HubAccess): typeof fetch {
  const { origin } = new URL(url);
  return async (input, init) => {
    let target = new URL(input instanceof Request ? input.url : input);
    for (let redirects = 0; ; redirects++) {
      const response = await fetch(input instanceof Request ? input : target, { ...init, redirect: "manual" });
      const location = response.headers.get("location");
      if (response.status < 300 || response.status > 399 || location === null) return response;
      const next = new URL(location, target);
      if (target.origin !== origin) return response;
      if (next.origin !== origin) {
        throw new CoxswainError("network", `${new URL(url).host} redirects to ${next.origin}: nothing was published`, {
          hint: `Set HF_ENDPOINT to ${next.origin} if that is the hub.`,
        });
      }
      if (redirects === mostRedirects) {
        throw new CoxswainError("network", `${new URL(url).host} redirects in a circle: ${messageOf(next.pathname)}`);
      }
      target = next;
    }
  };
}
