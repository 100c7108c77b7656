/** Inputs that every graph of a model has, by name: adapter tensors, dropout masks, token ids, positions, rotary tables. */
import type { DecoderSpec } from "../families/index.js";
import type { LoraLayout } from "../../model/lora.js";
import type { Adapter, AdapterSettings, SequenceInputs } from "./context.js";
import type { GraphBuilder, Value } from "./graph-builder.js";

/** The graph input that adapter tensor `index` of the layout is fed to. */
export const parameterName = (index: number): string => `lora_${index}`;
/** The graph output that has its gradient. */
export const gradientName = (index: number): string => `lora_${index}_gradient`;
/** The graph input of the dropout mask of the module whose A is tensor `index` of the layout. */
export const maskName = (index: number): string => `keep_${index}`;

/** @param dropout probability; 0 declares no masks */
export function adapterInputs(
  graph: GraphBuilder,
  layout: LoraLayout,
  dropout: number,
): { settings: AdapterSettings; parameters: Value[] } {
  const parameters = layout.tensors.map(({ shape }, index) => graph.input(parameterName(index), "float32", shape));
  const modules = new Map<string, Adapter>();
  layout.tensors.forEach(({ module, part, shape }, index) => {
    const a = parameters[index];
    // B follows its A.
    const b = parameters[index + 1];
    if (part !== "A" || a === undefined || b === undefined) return;
    const keep = dropout > 0 ? graph.input(maskName(index), "bool", ["tokens", shape[1]]) : null;
    modules.set(module, { a, b, keep });
  });
  return { settings: { r: layout.r, scale: layout.scale, keepScale: 1 / (1 - dropout), modules }, parameters };
}

export function sequenceInputs(graph: GraphBuilder, spec: DecoderSpec): SequenceInputs {
  const half = spec.headDim / 2;
  const sin = graph.input("rotary_sin", "float32", ["positions", half]);
  return {
    tokenIds: graph.input("token_ids", "int32", ["rows", "length"]),
    positions: graph.input("positions", "int64", ["rows", "length"]),
    cos: graph.input("rotary_cos", "float32", ["positions", half]),
    sin,
    negativeSin: graph.op("Neg", [sin]),
  };
}
