/** Converts the run's settings for a worker to a message of the protocol, and back. Pure. */
import { z } from "zod";
import { workerSchema } from "../config/index.js";
import type { RunConfig, WorkerConfig } from "../config/index.js";
import { CoxswainError, messageOf } from "../errors.js";
import type { RunConfigMessage, RunConfigOutput } from "./types.js";
import { deviceWords, engineWords, floatWords, proxyWords, quantizationWords } from "./words.js";

/** @param config with threads resolved to a number */
export function runConfigMessage(config: RunConfig): RunConfigMessage {
  const { lora, quantization, training, compute, cluster } = config;
  const { engine, device, dtype, threads } = compute;
  if (threads === "auto") throw new Error("the coordinator has not resolved compute.threads");
  return {
    model: config.model,
    outputDir: config.output_dir,
    seed: config.seed,
    lora: {
      r: lora.r,
      loraAlpha: lora.lora_alpha,
      loraDropout: lora.lora_dropout,
      targetModules: lora.target_modules === "all-linear" ? [] : lora.target_modules,
      useRslora: lora.use_rslora,
    },
    ...(quantization !== null && { quantization: quantizationWords.valueOf(quantization) }),
    training: {
      adamBeta1: training.adam_beta1,
      adamBeta2: training.adam_beta2,
      adamEpsilon: training.adam_epsilon,
      weightDecay: training.weight_decay,
    },
    compute: {
      ...(engine !== "auto" && { engine: engineWords.valueOf(engine) }),
      ...(device !== "auto" && { device: deviceWords.valueOf(device) }),
      ...(dtype !== "auto" && { dtype: floatWords.valueOf(dtype) }),
      gradientCheckpointing: compute.gradient_checkpointing,
      threads,
    },
    cluster: {
      allReduceDtype: floatWords.valueOf(cluster.all_reduce_dtype),
      reconnectTimeout: cluster.reconnect_timeout,
      proxy: proxyWords.valueOf(cluster.proxy),
    },
  };
}

/** @throws CoxswainError "network" that names each missing section, and each value that the run file's schema refuses */
export function readRunConfig(message: RunConfigOutput | null): WorkerConfig {
  try {
    return workerSchema.parse(workerConfig(message));
  } catch (error) {
    const reason = error instanceof z.ZodError ? error.issues.map(problemOf).join("; ") : messageOf(error);
    throw new CoxswainError("network", `the coordinator's run settings cannot be read: ${reason}`, {
      hint: "The coordinator and the worker must run the same version.",
      cause: error,
    });
  }
}

/** Such as "lora.r: Too small: expected number to be >0". */
const problemOf = ({ path, message }: z.core.$ZodIssue): string => [path.join("."), message].filter(Boolean).join(": ");

/** A missing section stays missing, and the schema refuses it. */
function workerConfig(message: RunConfigOutput | null): unknown {
  if (message === null) return null;
  const { lora, quantization, training, compute, cluster } = message;
  return {
    model: message.model,
    output_dir: message.outputDir,
    seed: message.seed,
    lora: lora && {
      r: lora.r,
      lora_alpha: lora.loraAlpha,
      lora_dropout: lora.loraDropout,
      target_modules: lora.targetModules.length === 0 ? "all-linear" : lora.targetModules,
      use_rslora: lora.useRslora,
    },
    quantization: quantization === undefined ? null : quantizationWords.read(quantization),
    training: training && {
      adam_beta1: training.adamBeta1,
      adam_beta2: training.adamBeta2,
      adam_epsilon: training.adamEpsilon,
      weight_decay: training.weightDecay,
    },
    compute: compute && {
      engine: compute.engine === undefined ? "auto" : engineWords.read(compute.engine),
      device: compute.device === undefined ? "auto" : deviceWords.read(compute.device),
      dtype: compute.dtype === undefined ? "auto" : floatWords.read(compute.dtype),
      gradient_checkpointing: compute.gradientCheckpointing,
      threads: compute.threads,
    },
    cluster: cluster && {
      all_reduce_dtype: floatWords.read(cluster.allReduceDtype),
      reconnect_timeout: cluster.reconnectTimeout,
      proxy: proxyWords.read(cluster.proxy),
    },
  };
}
