/**
 * Estimates the sizes of a run before anything is created: settings that this machine or the model cannot support are
 * rejected immediately. Pure.
 */
import type { RunConfig } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";
import type { LinearModule, LoraLayout } from "../../model/index.js";
import { formatBytes } from "../../output/index.js";

/** Bytes of a trained parameter in a process: itself, its gradient, and AdamW's two moments, in 32 bits each. */
export const bytesPerParameter = 16;

/** Minimum memory of a worker process before it has opened a model, bytes. */
export const workerBytes = 80e6;

/**
 * A rank above both sides of every adapted matrix adds nothing but parameters.
 * @throws CoxswainError "config"
 */
export function checkRank({ lora: { r } }: Pick<RunConfig, "lora">, modules: readonly LinearModule[]): void {
  const [largest] = [...modules].sort((left, right) => fullRank(right) - fullRank(left));
  if (largest === undefined || r <= fullRank(largest)) return;
  const { path, inFeatures, outFeatures } = largest;
  throw new CoxswainError(
    "config",
    `lora.r is ${r}, but no adapted matrix has a rank above ${fullRank(largest)} (${path}: ${outFeatures} x ${inFeatures})`,
    { hint: `Set lora.r to ${fullRank(largest)} or less; typical values are 8 to 64.` },
  );
}

const fullRank = ({ inFeatures, outFeatures }: LinearModule): number => Math.min(inFeatures, outFeatures);

export interface MachineShare {
  /** Memory of this machine or container, bytes. */
  readonly memory: number;
  /** Number of local workers. */
  readonly workers: number;
}

/**
 * @throws CoxswainError "config" if the trained parameters do not fit into the memory of this machine
 */
export function checkMemory(layout: LoraLayout, { memory, workers }: MachineShare): void {
  const each = layout.size * bytesPerParameter;
  const all = each * (1 + workers);
  if (all <= memory) return;
  const holders = workers === 0 ? "the coordinator" : `the coordinator and each of ${workers} local workers`;
  throw new CoxswainError(
    "config",
    `lora: ${layout.size.toLocaleString("en")} parameters are trained (r ${layout.r}), which need ${formatBytes(each)} in ` +
      `${holders}; this machine has ${formatBytes(memory)}`,
    { hint: "Lower lora.r, adapt fewer modules (lora.target_modules), or start fewer workers." },
  );
}

/** @throws CoxswainError "config" for more worker processes than this machine can hold, whatever they compute */
export function checkWorkers({ memory, workers }: MachineShare): void {
  if (workers * workerBytes <= memory) return;
  throw new CoxswainError(
    "config",
    `workers: ${workers} processes need ${formatBytes(workers * workerBytes)} before they open a model; ` +
      `this machine has ${formatBytes(memory)}`,
    {
      hint: `Start ${Math.max(1, Math.floor(memory / workerBytes))} at most here. More workers than cores are no faster; more can join from other machines.`,
    },
  );
}
