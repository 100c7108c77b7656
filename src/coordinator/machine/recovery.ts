/**
 * Which state a restarted coordinator goes on from: it asks the workers what they have, and takes over the newest replica
 * that enough of them agree on. While this is open nothing else is decided.
 */
import type { StepNumber } from "../../ids.js";
import type { Roster } from "./roster.js";
import type { Effect, EventOf, HeldReplica, RecoverySettings, WorkerId } from "./types.js";
import type { WorkerRecord } from "./workers.js";

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

export class Recovery {
  #open: boolean;
  /** Offers that are waited for. */
  #survivors: number;
  /** ms */
  readonly #timeout: number;
  /** The machine's clock, ms. */
  #deadline: number | undefined;
  /** Whose replica is being taken over. */
  #adopting: WorkerId | undefined;

  /** @param settings undefined where the run goes on from the start state at once */
  constructor(settings: RecoverySettings | undefined) {
    this.#open = settings !== undefined;
    this.#survivors = settings?.survivors ?? 0;
    this.#timeout = settings?.timeout ?? 0;
  }

  get open(): boolean {
    return this.#open;
  }

  /** So many may still come back with what they have. */
  expect(survivors: number): void {
    this.#survivors = survivors;
  }

  /** The run ends before it went on: the question is of no interest any more. */
  abandon(): void {
    this.#open = false;
    this.#adopting = undefined;
  }

  /** Decides when everyone expected is here, or the time is over. @param committed the start state's step */
  decide(roster: Roster, committed: StepNumber, now: number): Effect[] {
    this.#deadline ??= now + this.#timeout;
    if (this.#adopting !== undefined && roster.get(this.#adopting) !== undefined) return [];
    this.#adopting = undefined;
    // Those who are new have nothing to offer, and say nothing of who is still to come.
    const offers = roster
      .in("offering")
      .flatMap(({ id, offer }) => (offer === undefined ? [] : [{ worker: id, ...offer }]));
    if (now < this.#deadline && offers.length < this.#survivors) return [];
    const choice = chooseReplica(offers, committed);
    const worker = choice?.workers[0];
    if (choice === undefined || worker === undefined) return this.#goOn(committed, undefined);
    this.#adopting = worker;
    return [{ type: "adopt", worker, replica: { step: choice.step, hash: choice.hash } }];
  }

  /** @returns nothing where that was not waited for (any more) */
  adopted({ worker, replica }: EventOf<"adopted">): Effect[] {
    return worker === this.#adopting ? this.#goOn(replica.step, worker) : [];
  }

  /** What a worker offered is not to be had: it does not count, nor is it waited for. */
  adoptFailed(worker: WorkerRecord): void {
    if (worker.id !== this.#adopting) return;
    this.#adopting = undefined;
    worker.offer = undefined;
    this.#survivors--;
  }

  #goOn(step: StepNumber, from: WorkerId | undefined): Effect[] {
    this.abandon();
    return [{ type: "recovered", step, from }];
  }
}
