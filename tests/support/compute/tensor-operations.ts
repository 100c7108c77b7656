/** One operation of `TensorOps` at a time, on the WebAssembly backend. */
import { tensor, tidy, type Rank, type Tensor } from "@tensorflow/tfjs-core";
import { RotaryTable } from "../../../src/compute/batch/rotary-table.js";
import { Adapters } from "../../../src/compute/tfjs/adapters.js";
import { loadBackend } from "../../../src/compute/tfjs/backends.js";
import { BatchScope } from "../../../src/compute/tfjs/batch-scope.js";
import type { TensorContext } from "../../../src/compute/tfjs/context.js";
import { sequenceTensors } from "../../../src/compute/tfjs/sequence.js";
import { Tape } from "../../../src/compute/tfjs/tape.js";
import { TensorOps } from "../../../src/compute/tfjs/tensor-ops.js";
import { collate } from "../../../src/data/row.js";
import { loraLayout } from "../../../src/model/index.js";
import {
  adapterRank,
  adapterScale,
  inputShapes,
  weightValues,
  type CompiledOperation,
  type Evaluation,
  type Operation,
} from "./operations.js";

type Values = Readonly<Record<string, Float32Array>>;

export async function compileTensors(operation: Operation, features: number): Promise<CompiledOperation> {
  const backend = await loadBackend({ order: ["wasm"], device: "cpu", threads: 1 });
  const batch = collate(operation.rows, 1);
  const tokens = batch.rows * batch.length;
  const tables = (operation.rotaries ?? []).map((settings) => new RotaryTable(settings));
  const shapes = Object.entries(inputShapes(operation)).map(
    ([name, dims]) => [name, dims.map((dim) => (dim === "tokens" ? tokens : Number(dim)))] as const,
  );
  const evaluate = (values: Values, coefficients: Float32Array | null): Evaluation => {
    const gradients: Record<string, Float32Array> = {};
    let output = new Float32Array();
    const adapters = adaptersOf(operation, values);
    tidy(() => {
      const weights = new Map(
        weightValues(operation).map(({ name, shape, values: numbers }) => [name, tensor(numbers, [...shape])]),
      );
      const inputs = Object.fromEntries(
        shapes
          .filter(([name]) => name in operation.inputs)
          .map(([name, shape]) => [name, tensor<Rank>(values[name]!, shape)]),
      );
      const named = new Map<Tensor, string>(Object.entries(inputs).map(([name, input]) => [input, name]));
      for (const module of Object.keys(operation.adapters ?? {})) {
        const { a, b } = adapters.of(module)!;
        named.set(a, `${module}.A`).set(b, `${module}.B`);
      }
      const context: TensorContext = {
        weights: { get: (name) => weights.get(name)!, matrix: (name) => weights.get(name)! },
        adapters,
        products: backend.products,
        sequence: sequenceTensors(batch, tables),
        scope: new BatchScope(batch, [null, 2], operation.attentionBlocks ?? 1),
        dropout: null,
        tape: coefficients === null ? null : tapeInto(gradients, named),
      };
      const { tape } = context;
      const result = operation.build(new TensorOps(context, operation.checkpointing ?? false), inputs);
      output = Float32Array.from(result.dataSync<"float32">());
      if (tape === null || coefficients === null) return;
      tape.accumulate(result, tensor(coefficients, [tokens, features]));
      tape.backward();
    });
    adapters.dispose();
    return { output, gradients };
  };
  return {
    sizes: Object.fromEntries(shapes.map(([name, shape]) => [name, shape.reduce((a, b) => a * b)])),
    at: (values, coefficients) => Promise.resolve(evaluate(values, coefficients)),
    outputAt: (values) => Promise.resolve(evaluate(values, null).output),
    close: () => Promise.resolve(),
  };
}

/** A tape whose parameters are all inputs. Unlike a model's they may be used in several places: their gradients add up. */
function tapeInto(gradients: Record<string, Float32Array>, named: ReadonlyMap<Tensor, string>): Tape {
  return new Tape({
    has: (value) => named.has(value),
    put: (parameter, gradient) => {
      const name = named.get(parameter)!;
      const part = gradient.dataSync<"float32">();
      const sum = gradients[name];
      gradients[name] = sum === undefined ? part : sum.map((value, i) => value + part[i]!);
    },
  });
}

function adaptersOf({ adapters }: Operation, values: Values): Adapters {
  const modules = Object.entries(adapters ?? {}).map(([path, [inFeatures, outFeatures]]) => {
    return { path, inFeatures, outFeatures };
  });
  const lora = { r: adapterRank, alpha: adapterRank * adapterScale, dropout: 0, targetModules: "all-linear" as const };
  const layout = loraLayout({ ...lora, useRslora: false }, modules);
  const flat = new Float32Array(layout.size);
  for (const { module, part, offset } of layout.tensors) flat.set(values[`${module}.${part}`]!, offset);
  const made = new Adapters(layout);
  made.set(flat);
  return made;
}
