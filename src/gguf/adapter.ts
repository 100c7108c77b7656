/**
 * Writes a LoRA adapter as GGUF, as llama.cpp's `convert_lora_to_gguf.py` does, with two differences. llama.cpp multiplies
 * B A x by alpha / r, with no rsLoRA: so alpha is written as alpha * sqrt(r). And PEFT's A and B of GPT-2 are stored as those of
 * any other family, so they are not transposed (the script transposes them, since the base model's weights are).
 */
import { open, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { DecoderSpec } from "../compute/index.js";
import { CoxswainError } from "../errors.js";
import { makeFolders } from "../make-folders.js";
import { bfloat16Bits, float16Bits, type LoraLayout, type LoraSettings, type LoraTensor } from "../model/index.js";
import { storageTrouble, temporaryName } from "../storage/index.js";
import { ggufBytes, ggufHeader, ggufPadding, type GgufTensor, type GgufType, type GgufValue } from "./container.js";
import { architectures, hasPairedRows, pairRows, weightName } from "./names.js";

export interface AdapterGguf {
  readonly layout: LoraLayout;
  /** The tensors, [layout.size]. */
  readonly parameters: Float32Array;
  readonly settings: Pick<LoraSettings, "r" | "alpha" | "useRslora">;
  readonly spec: Pick<DecoderSpec, "family" | "headDim">;
  /** `general.name`, for people. */
  readonly name: string;
  readonly type: GgufType;
  /** Replaces an existing file. Default: it is refused. */
  readonly force?: boolean;
}

/** What an export wrote. */
export interface GgufReport {
  /** "llama" */
  readonly architecture: string;
  readonly tensors: number;
  /** llama.cpp multiplies by alpha / r. */
  readonly alpha: number;
  /** Of the file. */
  readonly bytes: number;
}

/**
 * @param path the file; written aside, flushed, renamed
 * @throws CoxswainError "usage" if it exists, "model" if a value does not fit float16, "storage" for a full disk and the
 *   like; nothing is then left behind
 */
export async function writeAdapterGguf(path: string, adapter: AdapterGguf): Promise<GgufReport> {
  await refuseExisting(path, adapter.force === true);
  const { layout, parameters, settings, spec, name, type } = adapter;
  const architecture = architectures[spec.family];
  const alpha = Math.fround(settings.useRslora ? settings.alpha * Math.sqrt(settings.r) : settings.alpha);
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", { type: "string", value: architecture }],
    ["general.type", { type: "string", value: "adapter" }],
    ["adapter.type", { type: "string", value: "lora" }],
    ["general.name", { type: "string", value: name }],
    ["adapter.lora.alpha", { type: "float32", value: alpha }],
    ["general.quantization_version", { type: "uint32", value: 2 }],
  ]);
  const tensors = layout.tensors.map((tensor): GgufTensor & { readonly from: LoraTensor } => ({
    name: `${weightName(tensor.module)}.lora_${tensor.part.toLowerCase()}`,
    type,
    shape: tensor.shape,
    from: tensor,
  }));
  const header = ggufHeader(metadata, tensors);
  let bytes = header.length;
  await writeAside(path, async (file) => {
    await writeFully(file, header);
    for (const tensor of tensors) {
      const data = typedBytes(orderedValues(tensor.from, parameters, spec), type, tensor.name);
      if (data.length !== ggufBytes(tensor)) throw new Error(`${tensor.name} has ${data.length} bytes`);
      const padding = ggufPadding(data.length);
      await writeFully(file, data);
      await writeFully(file, padding);
      bytes += data.length + padding.length;
    }
  });
  return { architecture, tensors: tensors.length, alpha, bytes };
}

function orderedValues(
  { module, part, shape, offset }: LoraTensor,
  parameters: Float32Array,
  { family, headDim }: AdapterGguf["spec"],
): Float32Array {
  const values = parameters.subarray(offset, offset + shape[0] * shape[1]);
  return part === "B" && hasPairedRows(family, module) ? pairRows(values, shape[1], headDim) : values;
}

function typedBytes(values: Float32Array, type: GgufType, name: string): Uint8Array {
  const typed =
    type === "F32"
      ? values
      : type === "BF16"
        ? bfloat16Bits(values)
        : float16Bits(values, name, "Write it with --dtype bfloat16 or float32.");
  return new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength);
}

async function refuseExisting(path: string, force: boolean): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || (force && found.isFile())) return;
  throw new CoxswainError("usage", `${path} already exists${found.isFile() ? "" : ", and is not a file"}`, {
    hint: found.isFile()
      ? "Give another file with --output, or replace this one with --force."
      : "Give a file with --output, such as adapter.gguf.",
  });
}

async function writeAside(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const aside = join(dirname(path), temporaryName(basename(path)));
  try {
    await makeFolders(dirname(path));
    const file = await open(aside, "wx");
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true }).catch(() => undefined);
    throw storageTrouble(error, path);
  }
}

/** A single call may write less (near a full disk, or past 2 GiB). */
async function writeFully(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.length - done, 1 << 30));
    done += bytesWritten;
  }
}
