/**
 * The invariants of every run, whatever faults occur. A violation throws and ends the simulation. Checks the machine's
 * decisions, the record, the checkpoints and the replica of every worker.
 */
import { ClusterMachine } from "../../../src/coordinator/machine/index.js";
import type { Effect, EffectOf, Event, MachineSettings } from "../../../src/coordinator/machine/index.js";
import type { StepNumber } from "../../../src/ids.js";
import type { Replica, ReplicaState } from "../../../src/optim/index.js";
import { stateHash } from "../../../src/collective/index.js";
import type { RunEvent, RunFiles, StepLine } from "../../../src/telemetry/index.js";
import type { Reference } from "./reference.js";

/** Effects that must not occur while a run is paused. */
const progress: ReadonlySet<Effect["type"]> = new Set<Effect["type"]>([
  "lease",
  "receive",
  "reduceSlice",
  "collect",
  "gather",
  "reduce",
  "commit",
  "evaluated",
  "lost",
]);

export const sameBits = (a: Float32Array, b: Float32Array): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));

/** The record of a run across all incarnations of its coordinator, and its invariants. */
export class Invariants {
  readonly reference: Reference;
  /** How often the machine emitted each type of effect. */
  readonly counts = new Map<string, number>();
  /** Number of shards that were verified. */
  verified = 0;
  /** Lines of metrics.jsonl by step, as they were first recorded. */
  readonly steps = new Map<number, StepLine>();
  /** Steps whose evaluation has been recorded, in order. */
  evaluations: number[] = [];
  /** Their losses, by step. */
  readonly evaluationLosses = new Map<number, number>();
  /** The line of the newest commit, in case the coordinator fails before it records the line. */
  #aside: StepLine | undefined;
  readonly events: RunEvent[] = [];
  /** The newest step that was recorded. */
  recorded = 0;
  /** The newest step that was ever committed, even if it was lost later. */
  newest = 0;
  /** Steps that are missing from the record: see `rewind`. */
  readonly gaps = new Set<number>();
  /** Number of recorded steps that had to be repeated. */
  lost = 0;

  constructor(reference: Reference) {
    this.reference = reference;
  }

  /** Creates a coordinator's machine whose effects are checked. @param reduced the sum of a step */
  machine(
    settings: MachineSettings,
    start: { readonly step: StepNumber; readonly hash: string; readonly saved: boolean },
    reduced: (step: StepNumber) => Float32Array | undefined,
  ): ClusterMachine {
    return new WatchedMachine(settings, start, (event, effects) => this.#handled(event, effects, reduced));
  }

  /** Checks a state that is written to disk. */
  saved(state: ReplicaState): void {
    this.#holds(`the checkpoint of step ${state.step}`, state.step, stateHash(state));
  }

  /** Checks the replica that a worker computes with. */
  applied(worker: string, replica: Replica): void {
    this.#holds(`the replica of ${worker}`, replica.step, replica.hash());
  }

  /** An incarnation of the coordinator continues after this step: later steps in the record no longer count. */
  rewind(step: number): void {
    if (step === this.recorded + 1 && this.#aside?.step === step) this.#append(this.#aside);
    // A worker that missed a whole recovery may return with steps that the recovery had discarded.
    if (step > this.newest) throw new Error(`continuing after step ${step}, and step ${this.newest} was the last`);
    for (let missing = this.recorded + 1; missing <= step; missing++) this.gaps.add(missing);
    for (const gap of this.gaps) if (gap > step) this.gaps.delete(gap);
    this.lost += Math.max(0, this.recorded - step);
    this.recorded = step;
    this.evaluations = this.evaluations.filter((evaluated) => evaluated <= step);
  }

  /** metrics.jsonl and events.jsonl: checks that steps are recorded in order and repeated with the same results. */
  files(): RunFiles {
    const ignore = (): void => undefined;
    return {
      committing: (line) => (this.#aside = line),
      appendSamples: ignore,
      flush: ignore,
      unwritten: () => [],
      close: ignore,
      appendEvent: (event) => void this.events.push(event),
      appendMetrics: (line) => {
        if ("eval_loss" in line) {
          this.evaluations.push(line.step);
          this.evaluationLosses.set(line.step, line.eval_loss);
        } else this.#append(line);
      },
      rewind: (step) => this.rewind(step),
    };
  }

  #append(line: StepLine): void {
    const { step, loss, grad_norm: norm, learning_rate: rate, supervised_tokens: tokens } = line;
    if (step !== this.recorded + 1) throw new Error(`step ${step} was recorded after step ${this.recorded}`);
    const before = this.steps.get(step) ?? line;
    const same = before.loss === loss && before.grad_norm === norm && before.learning_rate === rate;
    if (!same || before.supervised_tokens !== tokens) throw new Error(`step ${step} was recorded with two results`);
    this.steps.set(step, line);
    this.recorded = step;
  }

  #handled(event: Event, effects: readonly Effect[], reduced: (step: StepNumber) => Float32Array | undefined): void {
    for (const effect of effects) if (effect.type === "verified") this.verified += effect.node.count;
    for (const { type } of effects) this.counts.set(type, (this.counts.get(type) ?? 0) + 1);
    if (event.type !== "committed") return;
    this.newest = Math.max(this.newest, event.step);
    const sum = reduced(event.step);
    if (sum === undefined || !sameBits(sum, this.reference.sum(event.step)))
      throw new Error(`the sum of step ${event.step} is not the canonical one`);
    this.#holds("the coordinator's replica", event.step, event.hash);
  }

  #holds(what: string, step: number, hash: string): void {
    if (hash !== this.reference.hash(step)) throw new Error(`${what} is not the state of step ${step}`);
  }
}

class WatchedMachine extends ClusterMachine {
  readonly #shards: (step: StepNumber) => number;
  readonly #onHandled: (event: Event, effects: readonly Effect[]) => void;
  #committed: number;
  readonly #saving = new Set<number>();
  /** True between the effects `paused` and `resumed`. */
  #paused = false;
  /** The newest step at the time of the pending checkpoint request; undefined if none is pending. */
  #askedAt: number | undefined;

  constructor(
    settings: MachineSettings,
    start: { readonly step: StepNumber; readonly hash: string; readonly saved: boolean },
    onHandled: (event: Event, effects: readonly Effect[]) => void,
  ) {
    super(settings, start);
    this.#shards = settings.shardsOf;
    this.#onHandled = onHandled;
    this.#committed = start.step;
    if (start.saved) this.#saving.add(start.step);
  }

  override handle(event: Event, now: number): Effect[] {
    if (event.type === "checkpoint") this.#askedAt ??= this.#committed;
    const effects = super.handle(event, now);
    for (const effect of effects) this.#check(effect);
    this.#onHandled(event, effects);
    return effects;
  }

  #check(effect: Effect): void {
    if (this.#paused && progress.has(effect.type)) throw new Error(`${effect.type} while the run is paused`);
    if (effect.type === "commit") this.#commit(effect);
    else if (effect.type === "recovered") this.#committed = effect.step;
    else if (effect.type === "save") this.#saving.add(effect.step);
    else if (effect.type === "checkpoint") this.#give(effect.step);
    else if (effect.type === "resumed") this.#paused = false;
    else if (effect.type === "paused") {
      if (effect.by !== "ann") throw new Error("another asked first");
      this.#paused = true;
    } else if (effect.type === "mismatch")
      throw new Error(`${effect.worker} was said to differ at step ${effect.step}`);
    else if (effect.type === "notFinite") throw new Error(`step ${effect.step} was said to be no number`);
    else if (effect.type === "saveFailed") throw new Error(`checkpoint ${effect.step} failed: ${effect.error.message}`);
    else if (effect.type === "finish" && this.#askedAt !== undefined)
      throw new Error("a checkpoint was asked for and never given");
  }

  #commit({ step, supervisedTokens }: EffectOf<"commit">): void {
    if (step !== this.#committed + 1) throw new Error(`committed step ${step} after step ${this.#committed}`);
    if (supervisedTokens !== this.#shards(step)) throw new Error("a shard's tokens are missing");
    this.#committed = step;
  }

  #give(step: StepNumber): void {
    if (!this.#saving.has(step)) throw new Error(`the checkpoint of step ${step} is given, and nobody saves it`);
    if (step < (this.#askedAt ?? Infinity))
      throw new Error(`the checkpoint of step ${step} is older than the question`);
    this.#askedAt = undefined;
  }
}
