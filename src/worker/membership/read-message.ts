/** Converts a message of the coordinator into that of the machine. */
import type { CoordinatorMessageOutput } from "../../rpc/index.js";
import { taskWords } from "../../rpc/index.js";
import { textFromOutside } from "../../visible-text.js";
import type { Message } from "../machine/index.js";
import { checkCollect, checkCommit, checkLease, checkReduce, checkWelcome } from "./check-message.js";

/**
 * @throws CoxswainError "network" for a task that this version does not know, and for values that cannot be right
 * @returns undefined where it says nothing that is known here
 */
export function readMessage(message: CoordinatorMessageOutput): Message | undefined {
  const { welcome, synchronise, lease, revoke, reduce, collect, commit, sendReplica, finish } = message;
  if (lease) {
    const task = taskWords.read(lease.task);
    checkLease(task, lease);
    return { type: "lease", task, lease };
  }
  if (commit) {
    checkCommit(commit);
    return { type: "commit", commit };
  }
  if (collect) {
    checkCollect(collect);
    return { type: "collect", collect };
  }
  if (reduce) {
    checkReduce(reduce);
    return { type: "reduce", reduce };
  }
  if (revoke) return { type: "revoke", revoke };
  if (welcome) {
    checkWelcome(welcome);
    return { type: "welcome", welcome };
  }
  if (synchronise) return { type: "synchronise" };
  if (sendReplica) return { type: "sendReplica" };
  return finish ? { type: "finish", finish: { ...finish, reason: textFromOutside(finish.reason) } } : undefined;
}
