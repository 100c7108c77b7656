/** Recommends LoRA or QLoRA for this machine from measurements. Pure. */
import type { MethodNeeds } from "./model.js";

/** Usable share of the free memory: predictions are off by some percent, and other programs need memory too. */
const usableShare = 0.85;

export interface Advice {
  /** "LoRA with micro_batch_size: 8"; null if nothing fits. */
  readonly choice: { readonly method: MethodNeeds; readonly rows: number } | null;
  /** One sentence: why. */
  readonly why: string;
}

/** A simpler method is preferred if its relative speed is at least this, the accuracy of one measurement. */
const fastEnough = 0.8;
/** The fewest rows with at least this relative speed are used. */
const aboutAsFast = 0.95;

/**
 * The simplest setting that fits and is fast enough: LoRA before QLoRA, without checkpointing before with it.
 * @param methods the simplest first
 * @param available bytes of memory
 */
export function advise(methods: readonly MethodNeeds[], available: number): Advice {
  const fitting = methods
    .map((method) => ({ method, needs: method.needs.filter(({ peakBytes }) => peakBytes <= available * usableShare) }))
    .map((each) => ({ ...each, best: Math.max(...each.needs.map(({ tokensPerSecond }) => tokensPerSecond)) }));
  const fastest = Math.max(...fitting.map(({ best }) => best));
  const chosen = fitting.find(({ needs, best }) => needs.length > 0 && best >= fastEnough * fastest);
  const rows = chosen?.needs.find(({ tokensPerSecond }) => tokensPerSecond >= aboutAsFast * chosen.best)?.rows;
  if (chosen === undefined || rows === undefined) return { choice: null, why: "none of these fits into free memory" };
  const { method } = chosen;
  const plainFits = fitting.some((each) => each.method.quantization === null && each.needs.length > 0);
  return { choice: { method, rows }, why: reason(method, plainFits) };
}

function reason({ quantization, gradientCheckpointing }: MethodNeeds, plainFits: boolean): string {
  if (quantization !== null)
    return plainFits ? "it fits with more rows, and is much faster" : "LoRA does not fit into free memory";
  return gradientCheckpointing
    ? "without gradient_checkpointing it does not fit, or is much slower"
    : "it fits, is about as fast as the others, and needs no change to the model";
}
