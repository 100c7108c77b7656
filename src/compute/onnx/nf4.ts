/**
 * NF4 weights as graph values: bytes that the runtime maps from the cache, and nodes that convert them to f32 at each
 * use.
 *
 * The weights of a block of 64 have 16 possible values: the table times the block's absmax. Each weight is looked up
 * among them. (A table of pairs, indexed by whole bytes, needs fewer nodes and takes three times as long.)
 */
import {
  blockSize,
  dynamicValues,
  elementCount,
  nf4Values,
  type Nf4Weight,
  type TensorLocation,
} from "../../model/index.js";
import type { GraphBuilder, Value } from "./graph-builder.js";
import { elementType, externalTensor, inlineTensor, type ElementType } from "./proto.js";

/** Prepares a weight: runs right before it is needed. */
const early = { early: true };

interface Constants {
  /** [1, 16] */
  readonly values: Value;
  /** [1, 256] */
  readonly dynamic: Value;
  readonly four: Value;
  readonly fifteen: Value;
}

export class Nf4Weights {
  readonly #graph: GraphBuilder;
  readonly #weights: ReadonlyMap<string, Nf4Weight>;
  readonly #stored = new Map<string, Value>();
  #constants: Constants | null = null;

  constructor(graph: GraphBuilder, weights: ReadonlyMap<string, Nf4Weight>) {
    this.#graph = graph;
    this.#weights = weights;
  }

  /** Null if it is not quantised. */
  shapeOf(name: string): readonly number[] | null {
    return this.#weights.get(name)?.shape ?? null;
  }

  /** The weight in f32, created at each call; null if it is not quantised. */
  matrix(name: string): Value | null {
    const weight = this.#weights.get(name);
    if (weight === undefined) return null;
    const graph = this.#graph;
    const { values, four, fifteen } = (this.#constants ??= makeConstants(graph));
    const [blocks = 0] = weight.codes.shape;
    const table = graph.op("Mul", [this.#absmax(name, weight, blocks), values], {}, early);
    const bytes = this.#external(`${name}.codes`, "uint8", weight.codes);
    const halves = [
      graph.op("BitShift", [bytes, four], { direction: "RIGHT" }, early),
      graph.op("BitwiseAnd", [bytes, fifteen], {}, early),
    ];
    const codes = this.#indices(graph.op("Concat", halves, { axis: 1 }, early));
    const looked = graph.op("GatherElements", [table, codes], { axis: 1 }, early);
    const whole = this.#first(looked, blocks * blockSize, elementCount(weight.shape));
    return graph.op("Reshape", [whole, graph.ints(weight.shape)], {}, { label: name, early: true });
  }

  /** [blocks, 1] */
  #absmax(name: string, weight: Nf4Weight, blocks: number): Value {
    const graph = this.#graph;
    const { dynamic } = (this.#constants ??= makeConstants(graph));
    const scales = this.#external(`${name}.scales`, "float32", weight.scales);
    const table = graph.op("Mul", [scales, dynamic], {}, early);
    const codes = this.#indices(this.#external(`${name}.absmax`, "uint8", weight.absmax));
    const centred = graph.op("GatherElements", [table, codes], { axis: 1 }, early);
    const offset = this.#external(`${name}.offset`, "float32", weight.offset);
    const absmax = graph.op("Add", [centred, offset], {}, early);
    const [groups = 0, size = 0] = weight.absmax.shape;
    return graph.op("Reshape", [this.#first(absmax, groups * size, blocks), graph.ints([blocks, 1])], {}, early);
  }

  #indices(codes: Value): Value {
    return this.#graph.op("Cast", [codes], { to: elementType.int32 }, early);
  }

  /** The first `count` of `size` numbers. */
  #first(value: Value, size: number, count: number): Value {
    if (size === count) return value;
    const graph = this.#graph;
    const flat = graph.op("Reshape", [value, graph.ints([-1])], {}, early);
    return graph.op("Slice", [flat, graph.ints([0]), graph.ints([count])], {}, early);
  }

  #external(name: string, type: ElementType, location: TensorLocation): Value {
    let value = this.#stored.get(name);
    if (value === undefined) {
      value = this.#graph.initializer(externalTensor(name, type, location.shape, location));
      this.#stored.set(name, value);
    }
    return value;
  }
}

function makeConstants(graph: GraphBuilder): Constants {
  const table = (label: string, values: Float32Array): Value =>
    graph.initializer(inlineTensor(graph.freshName(label), "float32", [1, values.length], Float32Array.from(values)));
  const byte = (value: number): Value =>
    graph.initializer(inlineTensor(graph.freshName("byte"), "uint8", [1], Uint8Array.of(value)));
  return {
    values: table("nf4", nf4Values),
    dynamic: table("dynamic", dynamicValues),
    four: byte(4),
    fifteen: byte(15),
  };
}
