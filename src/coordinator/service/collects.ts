/**
 * Notifies reducers which sums to pull. Sums that become available at about the same time share a message: otherwise
 * the number of messages would be workers times reducers.
 */
import type { Clock, Timer } from "../../clock.js";
import type { Part } from "../../rpc/index.js";
import type { EffectOf } from "../machine/index.js";
import type { WorkerSession } from "./worker-session.js";

/** Longest delay of a notification while other sums are being computed, ms; the last sum is announced immediately. */
const collectDelay = 5;

interface Collect {
  readonly reducer: WorkerSession;
  readonly collect: { readonly step: number; readonly slice: number; readonly parts: Part[] };
}

export class Collects {
  /** By reducer, step and slice. */
  readonly #waiting = new Map<string, Collect>();
  #timer: Timer | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param source the worker that holds the sum */
  add(reducer: WorkerSession, { step, slice, node, checksum }: EffectOf<"collect">, source: WorkerSession): void {
    this.#timer ??= this.#clock.after(collectDelay, () => this.send());
    const key = `${reducer.id} ${step} ${slice}`;
    const entry = this.#waiting.get(key) ?? { reducer, collect: { step, slice, parts: [] } };
    this.#waiting.set(key, entry);
    entry.collect.parts.push({ ...node, source: reducer.introduce(source), checksum });
  }

  /** Sends all pending notifications immediately. */
  send(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const entries = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reducer, collect } of entries) reducer.send({ collect });
  }

  close(): void {
    this.#timer?.cancel();
  }
}
