/**
 * Reverse-mode differentiation over tensors that exist already: each differentiable operation records how to turn its
 * outputs' gradients into its inputs', and `backward` plays the records back. Written by hand instead of tfjs's own
 * gradients, which form gradients of frozen weights, keep every intermediate tensor until the end, and lack operations
 * or are slow in some backends.
 *
 * The tape owns the outputs it has recorded and the gradients it is given: each is disposed of as soon as the records
 * that need it have been played, so that memory falls while the backward pass goes.
 */
import { add, dispose, tidy, type Tensor } from "@tensorflow/tfjs-core";

/**
 * Called with the gradients of the recorded outputs, undefined for one that nothing depends on. Returns the gradient of
 * each recorded input, undefined if there is none. Tensors made within and not returned are disposed of.
 */
export type Backward = (gradients: readonly (Tensor | undefined)[]) => (Tensor | undefined)[];

export interface TapeEntry {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Further tensors for the backward pass, owned by the tape. */
  readonly kept?: readonly Tensor[];
  readonly backward: Backward;
}

/** Takes the gradient of a parameter. Each parameter is used once in a model, so its gradient arrives once. */
export interface Parameters {
  has(value: Tensor): boolean;
  /** The gradient is disposed of afterwards. */
  put(parameter: Tensor, gradient: Tensor): void;
}

export class Tape {
  readonly #parameters: Parameters;
  readonly #entries: TapeEntry[] = [];
  readonly #needed = new Set<Tensor>();
  readonly #gradients = new Map<Tensor, Tensor>();

  constructor(parameters: Parameters) {
    this.#parameters = parameters;
  }

  /** A tape of the same parameters, for a part of the model that is run a second time. */
  another(): Tape {
    return new Tape(this.#parameters);
  }

  /** Whether a parameter can influence this value, or its gradient is needed for another reason. */
  needs(value: Tensor): boolean {
    return this.#needed.has(value) || this.#parameters.has(value);
  }

  /** Requests the gradient of a value without a record. */
  require(value: Tensor): void {
    this.#needed.add(value);
  }

  record(entry: TapeEntry): void {
    for (const output of entry.outputs) this.#needed.add(output);
    this.#entries.push(entry);
  }

  /** Adds to the gradient of `value`, if it needs one; takes ownership of `gradient` in either case. */
  accumulate(value: Tensor, gradient: Tensor): void {
    if (this.#parameters.has(value)) {
      this.#parameters.put(value, gradient);
      gradient.dispose();
    } else if (this.#needed.has(value)) {
      const sum = this.#gradients.get(value);
      this.#gradients.set(value, sum === undefined ? gradient : add(sum, gradient));
      if (sum !== undefined) dispose([sum, gradient]);
    } else gradient.dispose();
  }

  /** Transfers ownership of the gradient of `value`. */
  takeGradient(value: Tensor): Tensor | undefined {
    const gradient = this.#gradients.get(value);
    this.#gradients.delete(value);
    return gradient;
  }

  /** Plays the records back, last first, from the gradients accumulated so far. */
  backward(): void {
    for (let entry = this.#entries.pop(); entry !== undefined; entry = this.#entries.pop()) this.#play(entry);
  }

  #play({ inputs, outputs, kept, backward }: TapeEntry): void {
    const gradients = outputs.map((output) => this.takeGradient(output));
    if (gradients.some((gradient) => gradient !== undefined)) {
      const results = tidy(() => backward(gradients));
      inputs.forEach((input, i) => {
        const result = results[i];
        if (result !== undefined) this.accumulate(input, result);
      });
    }
    for (const gradient of gradients) gradient?.dispose();
    dispose([...outputs, ...(kept ?? [])]);
  }
}
