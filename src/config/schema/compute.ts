/** `compute`: what a worker computes with. */
import { z } from "zod";
import { devices, engines, floatTypes } from "../choices.js";
import { count, keyDocs } from "./docs.js";

export const computeSchema = z.strictObject({
  engine: z
    .enum(["auto", ...engines])
    .default("auto")
    .register(keyDocs, {
      description:
        "Library that computes: `onnx` (ONNX Runtime) or `tfjs` (TensorFlow.js, which is slower). `auto` is `onnx`.",
      examples: ["onnx"],
    }),
  device: z
    .enum(["auto", ...devices])
    .default("auto")
    .register(keyDocs, {
      description:
        "Device that a worker computes on. `auto` is CUDA where its libraries are installed, else WebGPU where there is a " +
        "GPU, else the CPU. The `tfjs` engine does not support `webgpu`.",
      examples: ["cpu"],
    }),
  dtype: z
    .enum(["auto", ...floatTypes])
    .default("auto")
    .register(keyDocs, {
      description:
        "Type in which products with the model's weights are computed on a GPU: `float16` (CUDA, WebGPU) or `bfloat16` " +
        "(CUDA). `auto` is `float32`. Model files may hold weights in any of the three.",
      huggingFace: "`fp16` and `bf16`",
      examples: ["float16"],
    }),
  gradient_checkpointing: z.boolean().default(false).register(keyDocs, {
    description: "Recomputes activations in the backward pass: less memory, more time, and the same bits.",
  }),
  threads: z
    .union([z.literal("auto"), count.max(1024)])
    .default("auto")
    .register(keyDocs, {
      description:
        "CPU threads per worker: one number for all workers of the run, since another number can change the last bits of " +
        "the adapter. `auto` is the number of cores where the run is started (CPU quota and affinity count); several local " +
        "workers share these cores if that changes no bit. The first lines of a run say which number was chosen.",
      unit: "threads per worker",
      examples: [4],
      whyAtMost: "more threads per worker than cores do not help",
    }),
});
