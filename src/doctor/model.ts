/**
 * Measures what training a model on this machine needs: memory and speed at several micro-batch sizes, with and without
 * gradient checkpointing, and the base model's loss as LoRA and QLoRA load it. Computes in separate processes.
 */
import { modelFacts, openEngine, resolveTargets, linearModules } from "../compute/index.js";
import type { ComputeSettings, ModelFacts, Quantization } from "../compute/index.js";
import type { Row } from "../data/index.js";
import { loraLayout, openModelFolder, type LoraSettings, type ModelFolder } from "../model/index.js";
import { planProbes } from "./plan.js";
import { predict, type Measured, type Prediction } from "./predict.js";
import { probe } from "./probe.js";
import type { LossAnswer } from "./probe-messages.js";

export interface ModelQuestion {
  /** The model's folder. */
  readonly model: string;
  readonly lora: LoraSettings;
  readonly compute: Omit<ComputeSettings, "gradientCheckpointing" | "quantization">;
  /** Tokens per row. */
  readonly length: number;
  /** The values of micro_batch_size to report. */
  readonly rows: readonly number[];
  /** The data for the base model's loss; null: not measured. */
  readonly sample: readonly Row[] | null;
  readonly onProgress: (text: string) => void;
}

/** A way to train. */
export interface Method {
  /** null: LoRA; "nf4": QLoRA. */
  readonly quantization: Quantization | null;
  readonly gradientCheckpointing: boolean;
}

const methods: readonly Method[] = [
  { quantization: null, gradientCheckpointing: false },
  { quantization: "nf4", gradientCheckpointing: false },
  { quantization: null, gradientCheckpointing: true },
  { quantization: "nf4", gradientCheckpointing: true },
];

/** What it needs. */
export interface MethodNeeds extends Method {
  readonly needs: readonly (Prediction & { readonly tokensPerSecond: number })[];
}

export interface ModelDiagnosis {
  readonly model: string;
  readonly facts: ModelFacts;
  /** Numbers that are trained. */
  readonly adapterParameters: number;
  /** Bytes of the weights that are used, as they are on disk, and their types. */
  readonly stored: { readonly bytes: number; readonly types: readonly string[] };
  readonly length: number;
  /** "cpu", and why. */
  readonly device: string;
  readonly threads: number;
  readonly methods: readonly MethodNeeds[];
  /** Loss of the base model, nats per token, at the start of LoRA and of QLoRA; null if not measured. */
  readonly baseLoss: { readonly lora: number; readonly qlora: number; readonly tokens: number } | null;
}

/** @throws CoxswainError "model" for a model that cannot be opened, or needs too much memory */
export async function examineModel(question: ModelQuestion): Promise<ModelDiagnosis> {
  const { lora, length, compute } = question;
  const folder = await openModelFolder(question.model);
  const facts = modelFacts(folder);
  const layout = loraLayout(lora, resolveTargets(lora, linearModules(folder)));
  const { device, reason, options } = await openEngine({
    ...compute,
    quantization: null,
    gradientCheckpointing: false,
  });
  const needs: MethodNeeds[] = [];
  for (const method of methods) needs.push(await examineMethod(question, facts, method));
  return {
    model: question.model,
    facts,
    adapterParameters: layout.size,
    stored: storedWeights(folder),
    length,
    device: `${device} (${reason})`,
    threads: options.threads,
    methods: needs,
    baseLoss: await measureLoss(question),
  };
}

async function examineMethod(
  { model, lora, compute, length, rows, onProgress }: ModelQuestion,
  facts: ModelFacts,
  method: Method,
): Promise<MethodNeeds> {
  const plan = planProbes(facts, length, compute.threads);
  const measured: Measured[] = [];
  for (const layers of plan.layers) {
    const part = layers === facts.layers ? "" : `, ${layers} of ${facts.layers} layers`;
    onProgress(
      `measuring memory and speed of a step: ${nameOf(method)}${part}, estimated ${Math.ceil(plan.seconds)} s`,
    );
    const request = { model, lora, compute: { ...compute, ...method }, layers, length, rows: plan.rows };
    measured.push({ layers, ...(await probe({ kind: "steps", ...request })) });
  }
  const needs = predict(measured, plan.rows, facts, rows).map((each) => {
    return { ...each, tokensPerSecond: (each.rows * length) / each.seconds };
  });
  return { ...method, needs };
}

async function measureLoss(question: ModelQuestion): Promise<ModelDiagnosis["baseLoss"]> {
  const { model, compute, sample, onProgress } = question;
  if (sample === null) return null;
  onProgress("measuring the base model's loss");
  const rows = sample.map(({ inputIds, labels, segments }) => {
    return { inputIds: Array.from(inputIds), labels: Array.from(labels), segments: [...segments] };
  });
  const measure = (quantization: Quantization | null): Promise<LossAnswer> =>
    probe({ kind: "loss", model, compute: { ...compute, quantization, gradientCheckpointing: false }, rows });
  const { loss: lora, tokens } = await measure(null);
  return { lora, qlora: (await measure("nf4")).loss, tokens };
}

/** "QLoRA with gradient_checkpointing" */
export const nameOf = ({ quantization, gradientCheckpointing }: Method): string =>
  `${quantization === null ? "LoRA" : "QLoRA"}${gradientCheckpointing ? " with gradient_checkpointing" : ""}`;

function storedWeights({ tensors }: ModelFolder): ModelDiagnosis["stored"] {
  const all = [...tensors.values()];
  return {
    bytes: all.reduce((sum, { byteLength }) => sum + byteLength, 0),
    types: [...new Set(all.map(({ dtype }) => dtype))].sort(),
  };
}
