/**
 * The base model's weights as graph values. Either external data that the runtime maps from the .safetensors files, so
 * that opening reads nothing and processes share the pages; 16-bit weights are then widened to f32 by the graph, at
 * each use, and the f32 copy lives for one operation only; so are NF4 weights (see `nf4.ts`). Or graph inputs, for
 * weights that are in memory (see `resident.ts`).
 */
import { CoxswainError } from "../../errors.js";
import type { ComputeType } from "../engine.js";
import type { ModelFolder, Nf4Weight, TensorLocation, TensorType } from "../../model/index.js";
import type { GraphBuilder, Value } from "./graph-builder.js";
import { Nf4Weights } from "./nf4.js";
import { elementType, externalTensor, type ElementType } from "./proto.js";

const elementTypes: Partial<Record<TensorType, ElementType>> = { F32: "float32", F16: "float16", BF16: "bfloat16" };

/** Which weights of a model are fed, and which are mapped. */
export interface WeightSources {
  readonly model: ModelFolder;
  /** Weights that are fed as graph inputs of the same names, and their types; may include quantised ones. */
  readonly resident: ReadonlyMap<string, ElementType>;
  /** The quantised ones, by name, in the same folder. */
  readonly nf4: ReadonlyMap<string, Nf4Weight>;
}

export class Weights {
  /** The type in which products with weights are computed. */
  readonly type: ComputeType;
  readonly #graph: GraphBuilder;
  readonly #model: ModelFolder;
  readonly #resident: ReadonlyMap<string, ElementType>;
  readonly #stored = new Map<string, Value>();
  readonly #vectors = new Map<string, Value>();
  readonly #nf4: Nf4Weights;

  constructor(graph: GraphBuilder, { model, resident, nf4 }: WeightSources, type: ComputeType) {
    this.type = type;
    this.#nf4 = new Nf4Weights(graph, nf4);
    this.#graph = graph;
    this.#model = model;
    this.#resident = resident;
  }

  /**
   * A weight as a factor of one product, in the type of products. A weight that is stored in another type or quantised
   * is converted at each use.
   */
  factor(name: string): Value {
    const dequantised = this.#resident.has(name) ? null : this.#nf4.matrix(name);
    return dequantised === null
      ? this.#as(this.type, name, this.stored(name), this.#type(name), true)
      : this.#as(this.type, name, dequantised, "float32", true);
  }

  /** A small weight in f32, widened once per run. */
  vector(name: string): Value {
    let value = this.#vectors.get(name);
    if (value === undefined) {
      value = this.#as("float32", name, this.stored(name), this.#type(name), true);
      this.#vectors.set(name, value);
    }
    return value;
  }

  /** Features of a matrix [rows, features]. */
  width(name: string): number {
    return this.#location(name).shape[1] ?? 1;
  }

  /** A weight as it is stored, or resident. */
  stored(name: string): Value {
    let value = this.#stored.get(name);
    if (value === undefined) {
      const type = this.#resident.get(name);
      value = type === undefined ? this.#mapped(name) : this.#graph.input(name, type, this.#shape(name));
      this.#stored.set(name, value);
    }
    return value;
  }

  /** `value`, which has the type of weight `name` in the graph, as f32. */
  toFloat32(name: string, value: Value): Value {
    return this.#as("float32", name, value, this.#type(name), false);
  }

  #as(wanted: ComputeType, name: string, value: Value, type: ElementType, early: boolean): Value {
    if (type === wanted) return value;
    return this.#graph.op("Cast", [value], { to: elementType[wanted] }, { label: name, early });
  }

  #mapped(name: string): Value {
    const location = this.#location(name);
    return this.#graph.initializer(externalTensor(name, this.#type(name), location.shape, location));
  }

  #shape(name: string): readonly number[] {
    return this.#nf4.shapeOf(name) ?? this.#location(name).shape;
  }

  #location(name: string): TensorLocation {
    const location = this.#model.tensors.get(name);
    if (location === undefined) throw new CoxswainError("bug", `weight ${name} was not checked to exist`);
    return location;
  }

  #type(name: string): ElementType {
    const resident = this.#resident.get(name);
    if (resident !== undefined) return resident;
    const { dtype } = this.#location(name);
    const type = elementTypes[dtype];
    if (type === undefined) throw new CoxswainError("bug", `weight ${name} was not checked to be of a usable type`);
    return type;
  }
}
