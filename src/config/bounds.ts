/**
 * The largest and smallest values that a setting may have, where a number beyond is a slip of the pen that would hang a
 * machine, fill its memory or end nothing; each with the reason. Pure.
 */
import type { KeyPath } from "./keys.js";
import type { RunConfig } from "./schema.js";

interface Bound {
  readonly path: KeyPath;
  readonly of: (config: RunConfig) => number | null;
  readonly least?: number;
  readonly most?: number;
  /** As an end of "must be at most 3, not 4: …". */
  readonly because: string;
}

const bounds: readonly Bound[] = [
  {
    path: ["workers"],
    of: ({ workers }) => workers,
    most: 1024,
    because: "each is a process of this machine. Workers of other machines join by themselves (workers: 0)",
  },
  {
    path: ["data", "max_length"],
    of: ({ data }) => data.max_length,
    most: 1_048_576,
    because: "attention over longer rows fits in no machine's memory",
  },
  {
    path: ["lora", "lora_alpha"],
    of: ({ lora }) => lora.lora_alpha,
    most: 1e6,
    because: "the adapter's output is multiplied by lora_alpha / r",
  },
  {
    path: ["training", "global_batch_size"],
    of: ({ training }) => training.global_batch_size,
    most: 1_048_576,
    because: "these are rows of one step",
  },
  {
    path: ["training", "micro_batch_size"],
    of: ({ training }) => training.micro_batch_size,
    most: 65_536,
    because: "one worker computes these rows together, in its memory",
  },
  {
    path: ["training", "num_train_epochs"],
    of: ({ training }) => training.num_train_epochs,
    most: 100_000,
    because: "each epoch is a pass over all of the data",
  },
  {
    path: ["training", "max_steps"],
    of: ({ training }) => training.max_steps,
    most: 100_000_000,
    because: "more steps take years, at a second each",
  },
  {
    path: ["compute", "threads"],
    of: ({ compute }) => (compute.threads === "auto" ? null : compute.threads),
    most: 1024,
    because: "these are threads of one worker, of which more than its machine has cores are no use",
  },
  {
    path: ["cluster", "min_workers"],
    of: ({ cluster }) => cluster.min_workers,
    most: 65_536,
    because: "the run waits until so many have joined",
  },
  {
    path: ["cluster", "heartbeat_timeout"],
    of: ({ cluster }) => cluster.heartbeat_timeout,
    least: 1,
    because: "these are seconds, and a machine that computes may be silent for so long",
  },
];

/** What is beyond its bounds. */
export const outOfBounds = (config: RunConfig): readonly { readonly path: KeyPath; readonly message: string }[] =>
  bounds.flatMap(({ path, of, least, most, because }) => {
    const value = of(config);
    if (value === null) return [];
    if (most !== undefined && value > most)
      return [{ path, message: `must be at most ${most}, not ${value}: ${because}` }];
    if (least !== undefined && value < least)
      return [{ path, message: `must be at least ${least}, not ${value}: ${because}` }];
    return [];
  });
