/** Validates the bulk calls of workers. Does not depend on streams. */
import { isWithin, vectorBytes } from "../../collective/index.js";
import type { TreeNode, VectorRange } from "../../collective/index.js";
import { CoxswainError } from "../../errors.js";
import { stepNumber } from "../../ids.js";
import type { Replica } from "../../optim/index.js";
import type { ServiceOptions } from "./options.js";

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

/** @throws CoxswainError "network" for a sum that does not belong to the step in progress */
export function checkPush(step: number, { first, count }: TreeNode, replica: Pick<Replica, "step">): void {
  const current = replica.step + 1;
  if (step !== current) throw new CoxswainError("network", `a sum of step ${step} was pushed at step ${current}`);
  if (!isWithin({ offset: first, length: count }, 2 ** 32))
    throw new CoxswainError("network", `shards ${first}+${count} are no part of a step`);
}
