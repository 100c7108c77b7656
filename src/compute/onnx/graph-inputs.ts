/**
 * Inputs that every graph of a model has, by name: adapter tensors, dropout masks, token ids, positions, rotary tables.
 */
import type { LoraLayout } from "../../model/index.js";
import type { RotarySettings } from "../ops.js";
import type { Adapter, AdapterSettings, SequenceInputs } from "./context.js";
import type { GraphBuilder, Value } from "./graph-builder.js";

/** The graph input that adapter tensor `index` of the layout is fed to. */
export const parameterName = (index: number): string => `lora_${index}`;
/** The graph output with its gradient. */
export const gradientName = (index: number): string => `lora_${index}_gradient`;
/** The graph input of the dropout mask of the module whose A is tensor `index` of the layout. */
export const maskName = (index: number): string => `keep_${index}`;

/** The graph input of cos or sin of the model's rotary settings `index`. */
export const rotaryName = (part: "cos" | "sin", index: number): string => `rotary_${part}_${index}`;

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

/** @param rotaries the rotary settings of the model's layers */
export function sequenceInputs(graph: GraphBuilder, rotaries: readonly RotarySettings[]): SequenceInputs {
  const rotary = rotaries.map((settings, index) => {
    const dims = ["positions", settings.inverseFrequencies.length];
    const cos = graph.input(rotaryName("cos", index), "float32", dims);
    const sin = graph.input(rotaryName("sin", index), "float32", dims);
    return [settings, { cos, sin, negativeSin: graph.op("Neg", [sin]) }] as const;
  });
  return {
    tokenIds: graph.input("token_ids", "int32", ["rows", "length"]),
    positions: graph.input("positions", "int64", ["rows", "length"]),
    rotary: new Map(rotary),
  };
}
