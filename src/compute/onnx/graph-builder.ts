/**
 * Builds one ONNX graph node by node. Implements operators' calling conventions; independent of models and gradients.
 *
 * Order of execution: the runtime walks the graph depth-first from its outputs and, of a node's inputs, first visits
 * the one whose producer is last in the file. So nodes that only prepare weights are written first (`early`): they then
 * run right before they are needed instead of all at the beginning, and few prepared weights are in memory at a time.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { GraphProtoSchema, ModelProtoSchema } from "onnx-buf";
import type { ValueInfoProto, GraphProto, NodeProto, TensorProto } from "onnx-buf";
import { CoxswainError } from "../../errors.js";
import type { Device } from "../engine.js";
import { inlineTensor, nodeProto, valueInfo, type Attributes, type ElementType } from "./proto.js";

/** A tensor of the graph. */
export interface Value {
  readonly name: string;
}

/** One of several outputs. */
export function nth(values: readonly Value[], index: number): Value {
  const value = values[index];
  if (value === undefined) throw new CoxswainError("bug", `there is no output ${index}`);
  return value;
}

/** Sizes of a tensor's dimensions; the name of one that varies between runs. */
export type Dims = readonly (number | string)[];

/** A matrix product alpha * a' b', where ' is a transposition of the last two axes if asked for. */
export interface Product {
  readonly transA?: boolean;
  readonly transB?: boolean;
  /** 1 by default. */
  readonly alpha?: number;
  /** Axes of both factors: 2, or 4 where the first two count matrices. */
  readonly rank?: 2 | 4;
}

export interface Placement {
  /** First part of the output's name. */
  readonly label?: string;
  /** Prepares a weight: does not depend on values computed in a run. */
  readonly early?: boolean;
}

const opsetVersion = 21n;
const irVersion = 10n;

export class GraphBuilder {
  readonly #names: { next: number };
  readonly #device: Device;
  readonly #early: NodeProto[] = [];
  readonly #nodes: NodeProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #declared = new Map<string, { readonly type: ElementType; readonly dims: Dims }>();
  readonly #initializers: TensorProto[] = [];
  readonly #constants = new Map<string, Value>();
  /** Values that became graph outputs: own name to output name. */
  readonly #renamed = new Map<string, string>();

  /**
   * @param device the target of the graph: determines the operators of products and silu
   * @param parent the graph around this one, where it is the body of a Loop or Scan: it may use the parent's values
   */
  private constructor(device: Device, parent: GraphBuilder | null) {
    this.#names = parent === null ? { next: 0 } : parent.#names;
    this.#device = device;
  }

  /** A separate graph, for a device. */
  static for(device: Device): GraphBuilder {
    return new GraphBuilder(device, null);
  }

  /** The body of a Loop or Scan of this graph, which may use this graph's values. */
  body(): GraphBuilder {
    return new GraphBuilder(this.#device, this);
  }

  /** A graph input. */
  input(name: string, type: ElementType, dims: Dims): Value {
    this.#inputs.push(valueInfo(name, type, dims));
    return { name };
  }

  /** Makes the output `value` of a node a graph output called `name`. Bodies of Scan must not use it. */
  output(name: string, value: Value, type: ElementType, dims: Dims): void {
    this.#renamed.set(value.name, name);
    this.#outputs.push(valueInfo(name, type, dims));
  }

  initializer(tensor: TensorProto): Value {
    this.#initializers.push(tensor);
    return { name: tensor.name };
  }

  /**
   * Declares the dimensions of a value if the runtime cannot infer them. It reuses the memory of a dead value for one
   * with equal dimensions; planning without reuse takes time quadratic in the graph's size.
   */
  declare(value: Value, dims: Dims, type: ElementType = "float32"): Value {
    this.#declared.set(value.name, { type, dims });
    return value;
  }

  /** The dimensions that `value` was declared to have. */
  dimsOf(value: Value): Dims {
    const declared = this.#declared.get(value.name);
    if (declared === undefined) throw new CoxswainError("bug", `the dimensions of ${value.name} were not declared`);
    return declared.dims;
  }

  /** @param shape int64 vector, which evaluates to `dims` */
  reshape(value: Value, shape: Value, dims: Dims): Value {
    return this.declare(this.op("Reshape", [value, shape]), dims);
  }

  /** A node of ONNX's own operators with one output. */
  op(op: string, inputs: readonly (Value | null)[], attributes: Attributes = {}, placement: Placement = {}): Value {
    return this.#single(op, "", inputs, attributes, placement);
  }

  /** A node of ONNX Runtime's `com.microsoft` operators with one output. */
  runtimeOp(
    op: string,
    inputs: readonly (Value | null)[],
    attributes: Attributes = {},
    placement: Placement = {},
  ): Value {
    return this.#single(op, "com.microsoft", inputs, attributes, placement);
  }

  /** A matrix product, with the operator that is fastest on the device. */
  product(a: Value, b: Value, settings: Product = {}, placement: Placement = {}): Value {
    const { transA = false, transB = false, alpha = 1, rank = 2 } = settings;
    if (!transA && !transB && alpha === 1) return this.op("MatMul", [a, b], {}, placement);
    const attributes: Attributes = {
      ...(transA ? { transA: 1 } : {}),
      ...(transB ? { transB: 1 } : {}),
      ...(alpha === 1 ? {} : { alpha: { float: alpha } }),
    };
    // WebGPU's provider has no FusedMatMul: the runtime would compute it on the CPU.
    if (this.#device !== "webgpu") return this.runtimeOp("FusedMatMul", [a, b], attributes, placement);
    if (rank === 2) return this.op("Gemm", [a, b], attributes, placement);
    const turned = (x: Value, turn: boolean): Value => (turn ? this.op("Transpose", [x], { perm: [0, 1, 3, 2] }) : x);
    const product = this.op("MatMul", [turned(a, transA), turned(b, transB)], {}, placement);
    return alpha === 1 ? product : this.op("Mul", [product, this.float(alpha)]);
  }

  /** x sigmoid(x): in one pass on the CPU, where the bits are those of two passes; on a GPU they would differ. */
  silu(x: Value): Value {
    if (this.#device === "cpu") return this.runtimeOp("QuickGelu", [x], { alpha: { float: 1 } });
    return this.op("Mul", [x, this.op("Sigmoid", [x])]);
  }

  /** A node of ONNX's own operators with `count` outputs. */
  ops(op: string, inputs: readonly (Value | null)[], count: number, attributes: Attributes = {}): Value[] {
    const outputs = Array.from({ length: count }, () => ({ name: this.freshName(op) }));
    this.#node(op, "", inputs, outputs, attributes, false);
    return outputs;
  }

  /** An int64 vector. */
  ints(values: readonly number[]): Value {
    return this.#constant(`ints:${values.join(",")}`, (name) =>
      inlineTensor(name, "int64", [values.length], BigInt64Array.from(values, BigInt)),
    );
  }

  /** An int64 or int32 number without dimensions. */
  int(value: number, type: "int64" | "int32"): Value {
    return this.#constant(`${type}:${value}`, (name) =>
      inlineTensor(name, type, [], type === "int64" ? BigInt64Array.of(BigInt(value)) : Int32Array.of(value)),
    );
  }

  /** A float32 number without dimensions. */
  float(value: number): Value {
    return this.#constant(`float:${value}`, (name) => inlineTensor(name, "float32", [], Float32Array.of(value)));
  }

  graph(name: string): GraphProto {
    const node = [...this.#early, ...this.#nodes];
    const renamed = (names: string[]): string[] => names.map((own) => this.#renamed.get(own) ?? own);
    for (const each of node) {
      each.input = renamed(each.input);
      each.output = renamed(each.output);
    }
    return create(GraphProtoSchema, {
      name,
      node,
      input: this.#inputs,
      output: this.#outputs,
      initializer: this.#initializers,
      valueInfo: [...this.#declared]
        .filter(([own]) => !this.#renamed.has(own))
        .map(([own, { type, dims }]) => valueInfo(own, type, dims)),
    });
  }

  /** The model file's bytes. */
  model(name: string): Uint8Array {
    return toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        irVersion,
        producerName: "coxswain",
        opsetImport: [
          { domain: "", version: opsetVersion },
          { domain: "com.microsoft", version: 1n },
        ],
        graph: this.graph(name),
      }),
    );
  }

  get nodeCount(): number {
    return this.#early.length + this.#nodes.length;
  }

  #constant(key: string, make: (name: string) => TensorProto): Value {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const value = this.initializer(make(this.freshName("constant")));
    this.#constants.set(key, value);
    return value;
  }

  #single(
    op: string,
    domain: string,
    inputs: readonly (Value | null)[],
    attributes: Attributes,
    placement: Placement,
  ): Value {
    const output = { name: this.freshName(placement.label ?? op) };
    this.#node(op, domain, inputs, [output], attributes, placement.early === true);
    return output;
  }

  #node(
    op: string,
    domain: string,
    inputs: readonly (Value | null)[],
    outputs: readonly Value[],
    attributes: Attributes,
    early: boolean,
  ): void {
    const node = nodeProto({
      op,
      domain,
      inputs: inputs.map((input) => input?.name ?? ""),
      outputs: outputs.map(({ name }) => name),
      attributes,
    });
    (early ? this.#early : this.#nodes).push(node);
  }

  /** A name that is unique in this graph and those around it. */
  freshName(label: string): string {
    return `${label}_${this.#names.next++}`;
  }
}
