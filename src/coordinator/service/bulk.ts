/** Validates the bulk calls of workers. Does not depend on streams. */
import { describeNode, isWithin, vectorBytes } from "../../collective/index.js";
import type { TreeNode, VectorRange } from "../../collective/index.js";
import { CoxswainError } from "../../errors.js";
import { stepNumber } from "../../ids.js";
import type { Replica } from "../../optim/index.js";
import type { ServiceOptions } from "./options.js";
import type { WorkerSession } from "./worker-session.js";

/** Elements of the reduced gradient of a recently committed step, or the reason why they are not available. */
export function reducedPart(
  { step, offset, length }: VectorRange & { readonly step: number },
  { conductor, replica: { size }, allReduceDtype, onSent }: ServiceOptions,
): Float32Array | { readonly refused: "invalid" | "gone"; readonly reason: string } {
  if (!isWithin({ offset, length }, size))
    return { refused: "invalid", reason: `elements ${offset}+${length} of ${size}` };
  const vector = conductor.reduced(stepNumber(step));
  if (vector === undefined) return { refused: "gone", reason: `the gradient of step ${step} is not kept any more` };
  onSent(vectorBytes(length, allReduceDtype));
  return vector.subarray(offset, offset + length);
}

/**
 * Resolves when the worker has announced the sum that it pushes.
 * @throws CoxswainError "network" for a sum that is not expected from it: of another step, of shards that were not leased
 *   to it, or not announced
 */
export async function admitPush(
  session: Pick<WorkerSession, "id" | "sums">,
  step: number,
  node: TreeNode,
  { conductor, replica }: Pick<ServiceOptions, "conductor" | "replica">,
): Promise<void> {
  checkPush(step, node, replica);
  const standing = (): "announced" | "leased" | undefined => conductor.standing(session.id, stepNumber(step), node);
  if (standing() === "leased") await session.sums.whenAnnounced(step, node);
  if (standing() === "announced") return;
  const what = `the sum of shards ${describeNode(node)} of step ${step}`;
  throw new CoxswainError("network", `${what} is not expected from worker ${session.id}`);
}

/** @throws CoxswainError "network" for a sum that does not belong to the step in progress */
function checkPush(step: number, { first, count }: TreeNode, replica: Pick<Replica, "step">): void {
  const current = replica.step + 1;
  if (step !== current) throw new CoxswainError("network", `a sum of step ${step} was pushed at step ${current}`);
  if (!isWithin({ offset: first, length: count }, 2 ** 32))
    throw new CoxswainError("network", `shards ${first}+${count} are no part of a step`);
}
