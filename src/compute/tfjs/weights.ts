/** The base model's weights as f32 tensors, by name. 16-bit weights are widened once, when the model is opened. */
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import { CoxswainError } from "../../errors.js";
import { readTensor, type ModelFolder } from "../../model/index.js";
import { weightShapes, type DecoderSpec } from "../families/index.js";

export class Weights {
  readonly #tensors: ReadonlyMap<string, Tensor>;

  private constructor(tensors: ReadonlyMap<string, Tensor>) {
    this.#tensors = tensors;
  }

  /** Reads all weights that the model uses. */
  static async load(model: ModelFolder, spec: DecoderSpec): Promise<Weights> {
    const tensors = new Map<string, Tensor>();
    const weights = new Weights(tensors);
    try {
      for (const [name, shape] of weightShapes(spec)) {
        const location = model.tensors.get(name);
        if (location === undefined) throw new CoxswainError("bug", `weight ${name} was not checked to exist`);
        tensors.set(name, tensor(await readTensor(model, location), [...shape], "float32"));
      }
    } catch (error) {
      weights.dispose();
      throw error;
    }
    return weights;
  }

  get(name: string): Tensor {
    const found = this.#tensors.get(name);
    if (found === undefined) throw new CoxswainError("bug", `weight ${name} was not loaded`);
    return found;
  }

  dispose(): void {
    for (const weight of this.#tensors.values()) weight.dispose();
  }
}
