/** The part of a run that its workers are sent: what they compute with, and how they reach the coordinator. No secrets. */
import { z } from "zod";
import { runSchema } from "./schema.js";

const { model, output_dir, seed, lora, quantization, training, compute, cluster } = runSchema.shape;

/** Keys of the run file that workers get. Which do not is listed in tests/unit/rpc/run-config.test.ts. */
export const workerSchema = z.strictObject({
  model,
  output_dir,
  seed,
  // The coordinator reads the adapter; workers get the parameters with the replica.
  lora: lora.unwrap().omit({ init_adapter: true }),
  quantization,
  training: training.unwrap().pick({ adam_beta1: true, adam_beta2: true, adam_epsilon: true, weight_decay: true }),
  // The coordinator resolves "auto", so that every worker of a run has the same number.
  compute: compute.unwrap().extend({ threads: z.int().positive() }),
  cluster: cluster.unwrap().pick({ all_reduce_dtype: true, reconnect_timeout: true, proxy: true }),
});

export type WorkerConfig = z.output<typeof workerSchema>;
