/** Settings that are allowed, and that a run probably does not want. Pure. */
import type { Rehearsal } from "../../coordinator/index.js";

export interface DryRunWarning {
  /** For programs; documented in docs/commands.md. */
  readonly code: "learning_rate" | "warmup" | "vllm_rank" | "few_steps";
  readonly text: string;
}

/** Usual rates of LoRA are 1e-5 to 5e-4. */
const usualRates = { least: 1e-6, most: 1e-3 };

/** vLLM's default of `--max-lora-rank`. */
const vllmRank = 16;

/**
 * AdamW's second moment with beta2 = 0.999 averages over hundreds of steps, and a schedule needs some for its warm-up
 * and its decay: runs of fewer steps mostly depend on how they begin.
 */
const fewestSteps = 50;

type Subject = Pick<Rehearsal, "warmupSteps"> & {
  readonly prepared: Pick<Rehearsal["prepared"], "config" | "plan"> & {
    readonly train: Pick<Rehearsal["prepared"]["train"], "rowCount">;
  };
};

export function dryRunWarnings({ prepared, warmupSteps }: Subject): readonly DryRunWarning[] {
  const { config, plan, train } = prepared;
  const { training, lora } = config;
  const { learning_rate: rate, global_batch_size: batch, num_train_epochs: epochs } = training;
  const found: DryRunWarning[] = [];
  if (rate < usualRates.least || rate > usualRates.most) {
    found.push({
      code: "learning_rate",
      text:
        `training.learning_rate is ${rate}, outside 1e-6 to 1e-3: LoRA usually needs 1e-5 to 5e-4, small models more. ` +
        (rate < usualRates.least
          ? "The run may learn next to nothing."
          : "The loss may diverge: coxswain lr-find measures it."),
    });
  }
  if (warmupSteps >= plan.totalSteps) {
    found.push({
      code: "warmup",
      text:
        `the warm-up takes ${warmupSteps} steps, and the run has ${plan.totalSteps}: training.learning_rate is never ` +
        "reached. Lower training.warmup_steps or training.warmup_ratio.",
    });
  }
  if (lora.r > vllmRank) {
    found.push({
      code: "vllm_rank",
      text: `lora.r is ${lora.r}: vLLM refuses adapters above rank ${vllmRank} unless it is started with --max-lora-rank ${nextVllmRank(lora.r)}.`,
    });
  }
  if (plan.totalSteps < fewestSteps) {
    const smaller = Math.max(1, Math.floor((train.rowCount * epochs) / fewestSteps));
    found.push({
      code: "few_steps",
      text:
        `the run has ${plan.totalSteps} steps, fewer than ${fewestSteps}: warm-up, decay and AdamW's moments need more to take effect. ` +
        (training.max_steps === null
          ? `Raise training.num_train_epochs${smaller < batch ? `, or lower training.global_batch_size to ${smaller} or less` : ""}.`
          : "Raise training.max_steps."),
    });
  }
  return found;
}

/** The ranks that vLLM accepts for `--max-lora-rank`. */
const vllmRanks = [1, 8, 16, 32, 64, 128, 256, 320, 512];

const nextVllmRank = (r: number): number => vllmRanks.find((rank) => rank >= r) ?? r;
