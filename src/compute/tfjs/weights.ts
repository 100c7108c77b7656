/**
 * The base model's weights as f32 tensors, by name. 16-bit weights are widened once, when the model is opened; NF4
 * weights stay quantised in memory, and are converted to f32 at each use.
 */
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import { CoxswainError } from "../../errors.js";
import { dequantized, readPacked, readTensor, type PackedWeight } from "../../model/index.js";
import { weightShapes, type DecoderSpec } from "../families/index.js";
import type { WeightSource } from "../nf4.js";

export class Weights {
  readonly #tensors: ReadonlyMap<string, Tensor>;
  readonly #packed: ReadonlyMap<string, PackedWeight>;

  private constructor(tensors: ReadonlyMap<string, Tensor>, packed: ReadonlyMap<string, PackedWeight>) {
    this.#tensors = tensors;
    this.#packed = packed;
  }

  /** Reads all weights that the model uses. */
  static async load({ folder, nf4 }: WeightSource, spec: DecoderSpec): Promise<Weights> {
    const tensors = new Map<string, Tensor>();
    const packed = new Map<string, PackedWeight>();
    const weights = new Weights(tensors, packed);
    try {
      for (const [name, shape] of weightShapes(spec)) {
        const quantized = nf4.get(name);
        if (quantized !== undefined) {
          packed.set(name, await readPacked(folder, quantized));
          continue;
        }
        const location = folder.tensors.get(name);
        if (location === undefined) throw new CoxswainError("bug", `weight ${name} was not checked to exist`);
        tensors.set(name, tensor(await readTensor(folder, location), [...shape], "float32"));
      }
    } catch (error) {
      weights.dispose();
      throw error;
    }
    return weights;
  }

  /** A weight that is kept in f32: not a matrix of a linear layer. The caller must not dispose of it. */
  get(name: string): Tensor {
    const found = this.#tensors.get(name);
    if (found === undefined) throw new CoxswainError("bug", `weight ${name} was not loaded`);
    return found;
  }

  /** The matrix of a linear layer, for one use: a quantised one is dequantised, and belongs to the enclosing tidy. */
  matrix(name: string): Tensor {
    const packed = this.#packed.get(name);
    if (packed === undefined) return this.get(name);
    return tensor(dequantized(packed), [...packed.shape], "float32");
  }

  dispose(): void {
    for (const weight of this.#tensors.values()) weight.dispose();
  }
}
