/**
 * Reverse-mode differentiation over graph values: each differentiable operation records how to turn its outputs'
 * gradients into its inputs', and `backward` plays the records back. Only what a parameter can influence is recorded,
 * so nothing is differentiated unnecessarily. Values are distinguished by object, not by name: a block's input may be
 * the same tensor as the output of the block below and yet have a gradient of its own.
 */
import type { Value } from "./graph-builder.js";

/** Called with the gradients of the recorded outputs, undefined for one that nothing depends on. */
export type Backward = (gradients: readonly (Value | undefined)[]) => void;

interface Entry {
  readonly outputs: readonly Value[];
  readonly backward: Backward;
}

/** The differentiated parameters and their gradients. Shared by the tapes of one graph. */
export class Parameters {
  readonly #wanted: ReadonlySet<Value>;
  readonly #gradients = new Map<Value, Value>();
  #fresh: Value[] = [];

  constructor(wanted: Iterable<Value>) {
    this.#wanted = new Set(wanted);
  }

  has(value: Value): boolean {
    return this.#wanted.has(value);
  }

  /** Each parameter is used once in a model, so its gradient arrives once. */
  put(parameter: Value, gradient: Value): void {
    this.#gradients.set(parameter, gradient);
    this.#fresh.push(gradient);
  }

  gradientOf(parameter: Value): Value | undefined {
    return this.#gradients.get(parameter);
  }

  /** Gradients that have arrived since the last call. */
  takeFresh(): Value[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }
}

export class Tape {
  readonly parameters: Parameters;
  readonly #add: (a: Value, b: Value) => Value;
  readonly #entries: Entry[] = [];
  readonly #needed = new Set<Value>();
  readonly #gradients = new Map<Value, Value>();

  /** @param add emits the sum of two gradients */
  constructor(parameters: Parameters, add: (a: Value, b: Value) => Value) {
    this.parameters = parameters;
    this.#add = add;
  }

  /** A tape of the same parameters, for a part of the model that is run a second time. */
  another(): Tape {
    return new Tape(this.parameters, this.#add);
  }

  /** Whether a parameter can influence this value, or its gradient is needed for another reason. */
  needs(value: Value): boolean {
    return this.#needed.has(value) || this.parameters.has(value);
  }

  /** Requests the gradient of a value without a record. */
  require(value: Value): void {
    this.#needed.add(value);
  }

  record(outputs: readonly Value[], backward: Backward): void {
    for (const output of outputs) this.#needed.add(output);
    this.#entries.push({ outputs, backward });
  }

  /** Adds to the gradient of `value`, if it needs one. */
  accumulate(value: Value, gradient: Value): void {
    if (this.parameters.has(value)) this.parameters.put(value, gradient);
    else if (this.#needed.has(value)) {
      const sum = this.#gradients.get(value);
      this.#gradients.set(value, sum === undefined ? gradient : this.#add(sum, gradient));
    }
  }

  gradientOf(value: Value): Value | undefined {
    return this.#gradients.get(value);
  }

  /** Plays the records back, last first, from the gradients accumulated so far. */
  backward(): void {
    for (const { outputs, backward } of this.#entries.reverse()) {
      const gradients = outputs.map((output) => this.#gradients.get(output));
      if (gradients.some((gradient) => gradient !== undefined)) backward(gradients);
    }
    this.#entries.length = 0;
  }
}
