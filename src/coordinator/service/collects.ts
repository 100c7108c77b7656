/** Tells reducers which sums to pull; what comes about the same time is said together: workers times reducers would be many messages. */
import type { Clock, Timer } from "../../clock.js";
import type { Part } from "../../rpc/index.js";
import type { EffectOf } from "../machine/index.js";
import type { WorkerSession } from "./worker-session.js";

/** How long a reducer may wait to hear of a sum while others are still being computed, ms: the last one is told at once. */
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

  /** @param source who has the sum */
  add(reducer: WorkerSession, { step, slice, node }: EffectOf<"collect">, source: WorkerSession): void {
    this.#timer ??= this.#clock.after(collectDelay, () => this.send());
    const key = `${reducer.id} ${step} ${slice}`;
    const entry = this.#waiting.get(key) ?? { reducer, collect: { step, slice, parts: [] } };
    this.#waiting.set(key, entry);
    entry.collect.parts.push({ ...node, source: reducer.introduce(source) });
  }

  /** Nothing more is waited for. */
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
