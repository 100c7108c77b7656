/** One operation of an engine's `Ops` at a time: its output, and its gradients as the tape has them. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Device } from "../../../src/compute/engine.js";
import type { Ops, RotarySettings } from "../../../src/compute/ops.js";
import { BatchScope } from "../../../src/compute/onnx/batch-scope.js";
import { Activations, type Adapter, type GraphContext } from "../../../src/compute/onnx/context.js";
import { GraphBuilder, type Value } from "../../../src/compute/onnx/graph-builder.js";
import { sequenceInputs } from "../../../src/compute/onnx/graph-inputs.js";
import { GraphOps } from "../../../src/compute/onnx/graph-ops.js";
import { RotaryTable } from "../../../src/compute/batch/rotary-table.js";
import { sequenceFeeds } from "../../../src/compute/onnx/feeds.js";
import { Session, tensorClass } from "../../../src/compute/onnx/session.js";
import { Shapes } from "../../../src/compute/onnx/shapes.js";
import { Parameters, Tape } from "../../../src/compute/onnx/tape.js";
import { Weights } from "../../../src/compute/onnx/weights.js";
import { collate, type Row } from "../../../src/data/row.js";
import { deviceOf, engineOf, type EngineOnDevice } from "./devices.js";
import { compileTensors } from "./tensor-operations.js";
import { floatTensor, openModelFolder, writeSafetensors } from "../../../src/model/index.js";

/** Numbers between -1 and 1 that look random. */
export const numbers = (size: number, seed: number): Float32Array =>
  Float32Array.from(
    { length: size },
    (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed) * Math.cos(3.7 * i * i + seed),
  );

export const adapterRank = 2;
export const adapterScale = 1.5;

export interface Operation {
  /** Features of each tensor that the gradient is wanted of, [tokens, features]. */
  readonly inputs: Readonly<Record<string, number>>;
  /** Modules with an adapter: [inFeatures, outFeatures]. Their A and B are inputs too, "<module>.A" and "<module>.B". */
  readonly adapters?: Readonly<Record<string, readonly [number, number]>>;
  readonly weights?: Readonly<Record<string, readonly number[]>>;
  /** The batch: tokens are its rows times its length. */
  readonly rows: readonly Row[];
  /** The rotary settings that are used; none by default. */
  readonly rotaries?: readonly RotarySettings[];
  readonly checkpointing?: boolean;
  /** 1 by default. */
  readonly attentionBlocks?: number;
  build<T extends object>(ops: Ops<T>, inputs: Readonly<Record<string, T>>): T;
}

export interface Evaluation {
  readonly output: Float32Array;
  /** Of sum(output * coefficients). */
  readonly gradients: Readonly<Record<string, Float32Array>>;
}

export interface CompiledOperation {
  /** Sizes of all inputs. */
  readonly sizes: Readonly<Record<string, number>>;
  at(values: Readonly<Record<string, Float32Array>>, coefficients: Float32Array): Promise<Evaluation>;
  /** The output alone. */
  outputAt(values: Readonly<Record<string, Float32Array>>): Promise<Float32Array>;
  close(): Promise<void>;
}

/** On the engine's own values. @param features of the output */
export function compile(engine: EngineOnDevice, operation: Operation, features: number): Promise<CompiledOperation> {
  return engineOf(engine) === "onnx"
    ? compileGraph(operation, features, deviceOf(engine))
    : compileTensors(operation, features);
}

async function compileGraph(operation: Operation, features: number, device: Device): Promise<CompiledOperation> {
  const folder = await mkdtemp(join(tmpdir(), "operation-"));
  const tensors = weightValues(operation).map(({ name, shape, values }) => floatTensor(name, shape, values));
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
  await writeFile(join(folder, "config.json"), "{}");
  const graph = GraphBuilder.for(device);
  const shapes = inputShapes(operation);
  const inputs = Object.fromEntries(
    Object.entries(shapes).map(([name, dims]) => {
      const value = graph.op("Identity", [graph.input(name, "float32", dims)]);
      return [name, graph.declare(value, dims)];
    }),
  );
  const tape = new Tape(new Parameters(Object.values(inputs)), (a, b) => graph.op("Add", [a, b]));
  const tables = (operation.rotaries ?? []).map((settings) => new RotaryTable(settings));
  const sequence = sequenceInputs(graph, operation.rotaries ?? []);
  const context: GraphContext = {
    graph,
    weights: new Weights(
      graph,
      { model: await openModelFolder(folder), resident: new Map(), nf4: new Map() },
      "float32",
    ),
    adapters: { r: adapterRank, scale: adapterScale, keepScale: 1, modules: adapterModules(operation, inputs) },
    inputs: sequence,
    shapes: new Shapes(graph, sequence.tokenIds),
    scope: new BatchScope(graph, graph.input("segments", "int32", ["rows", "length"])),
    tape,
    activations: new Activations(graph, true),
  };
  const output = operation.build(new GraphOps(context, operation.checkpointing ?? false), inputs);
  tape.accumulate(output, graph.input("coefficients", "float32", ["tokens", features]));
  tape.backward();
  graph.output("output", output, "float32", ["tokens", features]);
  for (const [name, value] of Object.entries(inputs)) {
    graph.output(`${name}.gradient`, tape.parameters.gradientOf(value)!, "float32", shapes[name]!);
  }
  const settings = { purpose: "test", folder, device, threads: 1 } as const;
  const session = await Session.open(graph.model("operation"), settings);
  await rm(folder, { recursive: true });
  const TensorOf = await tensorClass();
  const batch = collate(operation.rows, 1);
  const tokens = batch.rows * batch.length;
  const sized = (dims: readonly (number | string)[]): number[] =>
    dims.map((dim) => (dim === "tokens" ? tokens : Number(dim)));
  const at: CompiledOperation["at"] = async (values, coefficients) => {
    const results = await session.run(
      {
        ...sequenceFeeds(TensorOf, batch, tables),
        segments: new TensorOf("int32", batch.segments, [batch.rows, batch.length]),
        attention_blocks: new TensorOf("int64", BigInt64Array.of(BigInt(operation.attentionBlocks ?? 1)), []),
        coefficients: new TensorOf("float32", coefficients, [tokens, features]),
        ...Object.fromEntries(
          Object.entries(shapes).map(([name, dims]) => [name, new TensorOf("float32", values[name]!, sized(dims))]),
        ),
      },
      ["output", ...Object.keys(shapes).map((name) => `${name}.gradient`)],
    );
    const data = (name: string): Float32Array => Float32Array.from(results[name]!.data as Float32Array);
    return {
      output: data("output"),
      gradients: Object.fromEntries(Object.keys(shapes).map((name) => [name, data(`${name}.gradient`)])),
    };
  };
  return {
    sizes: Object.fromEntries(
      Object.entries(shapes).map(([name, dims]) => [name, sized(dims).reduce((a, b) => a * b)]),
    ),
    at,
    // The graph gives both; coefficients of 0 do for the output.
    outputAt: async (values) => (await at(values, new Float32Array(tokens * features))).output,
    close: () => session.close(),
  };
}

export function weightValues({ weights }: Operation) {
  return Object.entries(weights ?? {}).map(([name, shape], i) => {
    const size = shape.reduce((a, b) => a * b);
    return { name, shape, values: numbers(size, 50 + i) };
  });
}

export function inputShapes({ inputs, adapters }: Operation): Record<string, readonly (number | string)[]> {
  const shapes: Record<string, readonly (number | string)[]> = {};
  for (const [name, features] of Object.entries(inputs)) shapes[name] = ["tokens", features];
  for (const [name, [inFeatures, outFeatures]] of Object.entries(adapters ?? {})) {
    shapes[`${name}.A`] = [adapterRank, inFeatures];
    shapes[`${name}.B`] = [outFeatures, adapterRank];
  }
  return shapes;
}

function adapterModules({ adapters }: Operation, inputs: Readonly<Record<string, Value>>): Map<string, Adapter> {
  return new Map(
    Object.keys(adapters ?? {}).map((name) => [name, { a: inputs[`${name}.A`]!, b: inputs[`${name}.B`]!, keep: null }]),
  );
}
