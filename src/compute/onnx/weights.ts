/**
 * The base model's weights as graph values. Either external data that the runtime maps from the .safetensors files, so
 * that opening reads nothing and processes share the pages; 16-bit weights are then widened to f32 by the graph, at each
 * use, and the f32 copy lives for one operation only; so are NF4 weights (see `nf4.ts`). Or graph inputs, for weights that are in memory in f32 (see
 * `resident.ts`).
 */
import { CoxswainError } from "../../errors.js";
import type { ModelFolder, Nf4Weight, TensorLocation, TensorType } from "../../model/index.js";
import type { GraphBuilder, Value } from "./graph-builder.js";
import { Nf4Weights } from "./nf4.js";
import { elementType, externalTensor, type ElementType } from "./proto.js";

const elementTypes: Partial<Record<TensorType, ElementType>> = { F32: "float32", F16: "float16", BF16: "bfloat16" };

export class Weights {
  readonly #graph: GraphBuilder;
  readonly #model: ModelFolder;
  readonly #resident: ReadonlySet<string>;
  readonly #stored = new Map<string, Value>();
  readonly #vectors = new Map<string, Value>();
  readonly #nf4: Nf4Weights;

  /**
   * @param resident names of the weights that are fed as graph inputs of the same names
   * @param nf4 the quantised ones, by name
   */
  constructor(
    graph: GraphBuilder,
    model: ModelFolder,
    resident: ReadonlySet<string>,
    nf4: ReadonlyMap<string, Nf4Weight> = new Map(),
  ) {
    this.#nf4 = new Nf4Weights(graph, nf4);
    this.#graph = graph;
    this.#model = model;
    this.#resident = resident;
  }

  /** A weight in f32, for one use: each use of a 16-bit or quantised matrix makes it anew. */
  matrix(name: string): Value {
    return this.#nf4.matrix(name) ?? this.toFloat32(name, this.stored(name), true);
  }

  /** A small weight in f32, widened once a run. */
  vector(name: string): Value {
    let value = this.#vectors.get(name);
    if (value === undefined) {
      value = this.matrix(name);
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
      const location = this.#location(name);
      value = this.#resident.has(name)
        ? this.#graph.input(name, "float32", location.shape)
        : this.#graph.initializer(externalTensor(name, this.#type(name), location.shape, location));
      this.#stored.set(name, value);
    }
    return value;
  }

  /** `value`, of the type that weight `name` has in the graph, as f32. */
  toFloat32(name: string, value: Value, early = false): Value {
    if (this.#type(name) === "float32") return value;
    return this.#graph.op("Cast", [value], { to: elementType.float32 }, { label: name, early });
  }

  #location(name: string): TensorLocation {
    const location = this.#model.tensors.get(name);
    if (location === undefined) throw new CoxswainError("bug", `weight ${name} was not checked to exist`);
    return location;
  }

  #type(name: string): ElementType {
    if (this.#resident.has(name)) return "float32";
    const { dtype } = this.#location(name);
    const type = elementTypes[dtype];
    if (type === undefined) throw new CoxswainError("bug", `weight ${name} was not checked to be of a usable type`);
    return type;
  }
}
