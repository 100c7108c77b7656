/** What a message of the coordinator says, as the machine reads it. */
import type { CoordinatorMessageOutput } from "../../rpc/index.js";
import { taskWords } from "../../rpc/index.js";
import type { Message } from "../machine/index.js";

/**
 * @throws CoxswainError "network" for a task that this version does not know
 * @returns undefined where it says nothing that is known here
 */
export function readMessage(message: CoordinatorMessageOutput): Message | undefined {
  const { welcome, synchronise, lease, revoke, reduce, collect, commit, sendReplica, finish } = message;
  if (lease) return { type: "lease", task: taskWords.read(lease.task), lease };
  if (commit) return { type: "commit", commit };
  if (collect) return { type: "collect", collect };
  if (reduce) return { type: "reduce", reduce };
  if (revoke) return { type: "revoke", revoke };
  if (welcome) return { type: "welcome", welcome };
  if (synchronise) return { type: "synchronise" };
  if (sendReplica) return { type: "sendReplica" };
  return finish ? { type: "finish", finish } : undefined;
}
