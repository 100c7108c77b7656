/** LoRA or QLoRA: what the figures say for this machine. Pure. */
import type { MethodNeeds } from "./model.js";

/** Share of the free memory that may be counted on: predictions are some percent off, and other programs want some too. */
const usableShare = 0.85;

export interface Advice {
  /** "LoRA with micro_batch_size: 8"; null where nothing fits. */
  readonly choice: { readonly method: MethodNeeds; readonly rows: number } | null;
  /** One sentence: why. */
  readonly why: string;
}

/**
 * The fastest of what fits; among those that are about as fast, the plainer one: LoRA before QLoRA, and without
 * checkpointing.
 * @param available bytes of memory
 */
export function advise(methods: readonly MethodNeeds[], available: number): Advice {
  const usable = available * usableShare;
  const fitting = methods.flatMap((method) =>
    method.needs.filter(({ peakBytes }) => peakBytes <= usable).map((need) => ({ method, need })),
  );
  const fastest = Math.max(...fitting.map(({ need }) => need.tokensPerSecond));
  const choice = fitting.find(({ need }) => need.tokensPerSecond >= 0.95 * fastest);
  if (choice === undefined) return { choice: null, why: "none of these fits into the memory that is free" };
  const { method, need } = choice;
  const plain = methods.filter(({ quantization }) => quantization === null);
  const plainFits = plain.some(({ needs }) => needs.some(({ peakBytes }) => peakBytes <= usable));
  return { choice: { method, rows: need.rows }, why: reason(method, plainFits) };
}

function reason({ quantization, gradientCheckpointing }: MethodNeeds, plainFits: boolean): string {
  if (quantization !== null)
    return plainFits ? "it is the fastest that fits" : "LoRA does not fit into the memory that is free";
  return gradientCheckpointing
    ? "without gradient_checkpointing it does not fit, or is no faster"
    : "it fits, is the fastest, and starts from the model as it is";
}
