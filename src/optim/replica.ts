/**
 * A replica: LoRA parameters, optimiser moments and the step they belong to. The coordinator and every worker hold one,
 * and all stay equal to the bit, because each applies the same updates in the same arithmetic.
 */
import { floatsOf, stateHash } from "../collective/index.js";
import { CoxswainError } from "../errors.js";
import type { StepNumber } from "../ids.js";
import { stepNumber } from "../ids.js";
import { adamwUpdate } from "./adamw.js";
import type { AdamwSettings } from "./adamw.js";

export interface ReplicaUpdate {
  /** Must follow the replica's own. */
  readonly step: number;
  /** Sum over the global batch, [size]. */
  readonly gradient: Float32Array;
  readonly learningRate: number;
  /** Factor of the sum: clip coefficient / supervised tokens. */
  readonly scale: number;
}

export interface ReplicaState {
  readonly step: StepNumber;
  readonly parameters: Float32Array;
  /** First moments. */
  readonly m: Float32Array;
  /** Second moments. */
  readonly v: Float32Array;
}

export class Replica implements ReplicaState {
  readonly parameters: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  readonly #settings: AdamwSettings;
  #step = stepNumber(0);

  /** All zero, at step 0. */
  constructor(
    readonly size: number,
    settings: AdamwSettings,
  ) {
    this.#settings = settings;
    this.parameters = new Float32Array(size);
    this.m = new Float32Array(size);
    this.v = new Float32Array(size);
  }

  get step(): StepNumber {
    return this.#step;
  }

  apply({ step, gradient, learningRate, scale }: ReplicaUpdate): void {
    if (step !== this.#step + 1 || gradient.length !== this.size)
      throw new CoxswainError(
        "bug",
        `update ${step} of ${gradient.length} values for a replica of ${this.size} at step ${this.#step}`,
      );
    adamwUpdate(this, gradient, { ...this.#settings, learningRate, scale, step });
    this.#step = stepNumber(step);
  }

  /** Replaces the whole state. */
  assign({ step, parameters, m, v }: ReplicaState): void {
    this.parameters.set(parameters);
    this.m.set(m);
    this.v.set(v);
    this.#step = step;
  }

  /** A copy that later updates don't change. */
  snapshot(): ReplicaState {
    return { step: this.#step, parameters: this.parameters.slice(), m: this.m.slice(), v: this.v.slice() };
  }

  /** Parameters, m and v one after another, [3 * size] f32; a copy. */
  toBytes(): Uint8Array {
    const all = new Float32Array(3 * this.size);
    all.set(this.parameters);
    all.set(this.m, this.size);
    all.set(this.v, 2 * this.size);
    return new Uint8Array(all.buffer);
  }

  /** Restores the output of `toBytes`. */
  restore(step: number, bytes: Uint8Array): void {
    if (bytes.byteLength !== 12 * this.size || !Number.isSafeInteger(step) || step < 0)
      throw new CoxswainError(
        "network",
        `a replica of ${bytes.byteLength} bytes at step ${step} does not fit ${this.size} parameters`,
        {
          hint: "Coordinator and worker must have the same version.",
        },
      );
    const all = floatsOf(bytes);
    const at = (index: number): Float32Array => all.subarray(index * this.size, (index + 1) * this.size);
    this.assign({ step: stepNumber(step), parameters: at(0), m: at(1), v: at(2) });
  }

  /** The hash by which replicas are compared. */
  hash(): string {
    return stateHash(this);
  }
}
