/** The adapter's tensors, made of the flat parameter vector, and where their gradients go in a flat vector. */
import { tensor2d, type Tensor } from "@tensorflow/tfjs-core";
import type { LoraLayout } from "../../model/index.js";
import type { Parameters } from "./tape.js";

/** The adapter of a module: A [r, in], B [out, r]. */
export interface Adapter {
  readonly a: Tensor;
  readonly b: Tensor;
}

export class Adapters {
  readonly #layout: LoraLayout;
  #tensors: readonly Tensor[] = [];
  #modules: ReadonlyMap<string, Adapter> = new Map();

  /** All parameters are 0 until they are set. */
  constructor(layout: LoraLayout) {
    this.#layout = layout;
    this.set(new Float32Array(layout.size));
  }

  /** Factor of B A x. */
  get scale(): number {
    return this.#layout.scale;
  }

  of(module: string): Adapter | undefined {
    return this.#modules.get(module);
  }

  /** @param flat all LoRA tensors, [layout.size]; copied */
  set(flat: Float32Array): void {
    this.dispose();
    const tensors = this.#layout.tensors.map(({ shape: [rows, columns], offset }) =>
      // A separate copy: some backends keep reading the array they are given.
      tensor2d(flat.slice(offset, offset + rows * columns), [rows, columns], "float32"),
    );
    const modules = new Map<string, Adapter>();
    this.#layout.tensors.forEach(({ module, part }, index) => {
      const a = tensors[index];
      // B follows its A.
      const b = tensors[index + 1];
      if (part === "A" && a !== undefined && b !== undefined) modules.set(module, { a, b });
    });
    this.#tensors = tensors;
    this.#modules = modules;
  }

  /** Parameters for a tape that writes each gradient to its place in `into`, [layout.size]. */
  gradientsInto(into: Float32Array): Parameters {
    const offsets = new Map<Tensor, number>();
    this.#layout.tensors.forEach(({ offset }, index) => {
      const parameter = this.#tensors[index];
      if (parameter !== undefined) offsets.set(parameter, offset);
    });
    return {
      has: (value) => offsets.has(value),
      put: (parameter, gradient) => into.set(gradient.dataSync<"float32">(), offsets.get(parameter)),
    };
  }

  dispose(): void {
    for (const each of this.#tensors) each.dispose();
    this.#tensors = [];
    this.#modules = new Map();
  }
}
