/**
 * Which state a restarted coordinator resumes from: the workers offer their replicas, and the coordinator adopts the
 * newest one that enough workers agree on. While recovery is open, nothing else is decided.
 */
import type { StepNumber } from "../../ids.js";
import type { Roster } from "./roster.js";
import type { Effect, EventOf, HeldReplica, RecoverySettings, WorkerId } from "./types.js";
import type { WorkerRecord } from "./workers.js";

export interface Offer extends HeldReplica {
  readonly worker: WorkerId;
}

export interface Choice extends HeldReplica {
  /** Workers that have this replica. */
  readonly workers: readonly WorkerId[];
}

/**
 * The newest state after `step` that more workers have than any other state of the same step. If the states of a step
 * differ and none has more votes, it is unknown which one is wrong: an older step is chosen.
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
  /** Number of offers to wait for. */
  #survivors: number;
  /** ms */
  readonly #timeout: number;
  /** The machine's clock, ms. */
  #deadline: number | undefined;
  /** The worker whose replica is being adopted. */
  #adopting: WorkerId | undefined;

  /** @param settings undefined if the run begins from the start state immediately */
  constructor(settings: RecoverySettings | undefined) {
    this.#open = settings !== undefined;
    this.#survivors = settings?.survivors ?? 0;
    this.#timeout = settings?.timeout ?? 0;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Sets how many workers may still return with a replica. */
  expect(survivors: number): void {
    this.#survivors = survivors;
  }

  /** Closes recovery without a decision, for a run that ends before it resumed. */
  abandon(): void {
    this.#open = false;
    this.#adopting = undefined;
  }

  /**
   * Decides once all expected offers are in or the timeout has expired.
   * @param committed the start state's step
   * @param accepts whether the run can resume from a step
   */
  decide(roster: Roster, committed: StepNumber, now: number, accepts: (step: StepNumber) => boolean): Effect[] {
    this.#deadline ??= now + this.#timeout;
    if (this.#adopting !== undefined && roster.get(this.#adopting) !== undefined) return [];
    this.#adopting = undefined;
    // New workers have no replica to offer and do not count towards the expected offers.
    const offers = roster
      .in("offering")
      .flatMap(({ id, offer }) => (offer === undefined ? [] : [{ worker: id, ...offer }]));
    if (now < this.#deadline && offers.length < this.#survivors) return [];
    const choice = chooseReplica(
      offers.filter(({ step }) => accepts(step)),
      committed,
    );
    const worker = choice?.workers[0];
    if (choice === undefined || worker === undefined) return this.#goOn(committed, undefined);
    this.#adopting = worker;
    return [{ type: "adopt", worker, replica: { step: choice.step, hash: choice.hash } }];
  }

  /** @returns no effects if this adoption is not (or no longer) expected */
  adopted({ worker, replica }: EventOf<"adopted">): Effect[] {
    return worker === this.#adopting ? this.#goOn(replica.step, worker) : [];
  }

  /** The replica could not be adopted: its offer is discarded and no longer waited for. */
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
