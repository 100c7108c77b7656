/** Which replica a restarted coordinator goes on from. Pure. */
import type { StepNumber } from "../../ids.js";
import type { HeldReplica, WorkerId } from "./types.js";

export interface Offer extends HeldReplica {
  readonly worker: WorkerId;
}

export interface Choice extends HeldReplica {
  /** Those who have it. */
  readonly workers: readonly WorkerId[];
}

/**
 * The newest state beyond `step` that more workers have than any other state of the same step. Where those of one step
 * differ and none has more votes, one of them is wrong and nobody knows which: an older step is taken.
 */
export function chooseReplica(offers: readonly Offer[], step: StepNumber): Choice | undefined {
  const steps = [...new Set(offers.map((offer) => offer.step))].filter((offered) => offered > step);
  for (const candidate of steps.sort((a, b) => b - a)) {
    const votes = new Map<string, WorkerId[]>();
    for (const { worker, hash, step: offered } of offers)
      if (offered === candidate) votes.set(hash, [...(votes.get(hash) ?? []), worker]);
    const [first, second] = [...votes].sort(([, a], [, b]) => b.length - a.length);
    if (first !== undefined && first[1].length > (second?.[1].length ?? 0))
      return { step: candidate, hash: first[0], workers: first[1] };
  }
  return undefined;
}
