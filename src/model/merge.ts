/**
 * Merges a LoRA adapter into its base model: W + scale * B A in f32, rounded once to the type of the file. Streams:
 * holds the adapter and a few MiB of a weight at a time. Everything else of the folder is copied, shards stay as they
 * are.
 */
import { constants, copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { CoxswainError } from "../errors.js";
import { createFolder, isFilledFolder, removeLeftovers } from "../storage/index.js";
import { flattenAdapter, peftKey, type Adapter } from "./adapter.js";
import { readJsonObject } from "./files.js";
import type { ModelFolder } from "./folder.js";
import { loraLayout, type LinearModule, type LoraLayout } from "./lora.js";
import { storedName, storesInputsFirst } from "./gpt2-weights.js";
import { transposed, type LoraPair } from "./merge-math.js";
import { mergeCompanions } from "./merge-companions.js";
import { RoundingTally, type RoundingCost } from "./merge-rounding.js";
import { writeMergedShard } from "./merge-shard.js";
import { configFile, indexFile } from "./open-folder.js";

/** Names of element types as in Hugging Face's configurations; "auto" keeps each tensor's. */
export type MergeType = "auto" | "float32" | "float16" | "bfloat16";

const fileTypes = { float32: "F32", float16: "F16", bfloat16: "BF16" } as const;

export interface MergeOptions {
  readonly model: ModelFolder;
  readonly adapter: Adapter;
  /** A folder that does not exist yet, or is empty. */
  readonly output: string;
  readonly dtype: MergeType;
  /** The base model's folder as given by the user, whose other files are copied. Default: `model.path`. */
  readonly folder?: string;
  /** Tokenizer and chat template files that replace the base model's: contents by name. Default: none. */
  readonly companions?: ReadonlyMap<string, Uint8Array>;
  /** Called with the name of each file before it is written. */
  readonly onFile?: (name: string) => void;
}

/** What a merge has written. */
export interface MergeReport {
  /** Modules whose weight changed. */
  readonly modules: number;
  /** Of the weights written. */
  readonly bytes: number;
  /** Files and folders of the base model's folder that were not copied: weights in other formats. */
  readonly leftOut: readonly string[];
  /** Error of rounding the merged weights to 16 bits; null if they are f32. */
  readonly rounding: RoundingCost | null;
}

/**
 * Writes the merged model to `output`: written aside, flushed, renamed.
 * @throws CoxswainError "usage" if `output` is not empty, "model" if adapter and model do not fit or a value does
 *   not fit float16, "storage" for a full disk and the like; nothing is then left behind
 */
export async function mergeAdapter(options: MergeOptions): Promise<MergeReport> {
  const {
    model,
    adapter,
    dtype,
    folder = model.path,
    companions = new Map<string, Uint8Array>(),
    onFile = () => undefined,
  } = options;
  const output = resolve(options.output);
  if (await isFilledFolder(output)) {
    throw new CoxswainError("usage", `${output}: the output folder is not empty`, {
      hint: "Give a folder that does not exist yet.",
    });
  }
  requireSameOrder(model, adapter);
  const layout = adapterLayout(model, adapter);
  const pairs = loraPairs(model, layout, flattenAdapter(adapter, layout));
  const target = dtype === "auto" ? undefined : fileTypes[dtype];
  const newType = typeToSay(model, dtype);
  const shards = [...new Set([...model.tensors.values()].map(({ file }) => file))].sort();
  const { files, leftOut } = await mergeCompanions(folder, shards);
  const rounding = new RoundingTally();
  let bytes = 0;
  await removeLeftovers(dirname(output));
  await createFolder(output, async (aside) => {
    for (const shard of shards) {
      onFile(shard);
      bytes += await writeMergedShard(model, shard, join(aside, shard), pairs, target, rounding);
    }
    for (const name of [...new Set([...files, ...companions.keys()])].sort()) {
      onFile(name);
      const to = join(aside, name);
      const own = companions.get(name);
      await mkdir(dirname(to), { recursive: true });
      if (own !== undefined) await writeFile(to, own);
      else if (name === configFile && newType !== undefined) await writeConfig(model, to, newType);
      else if (target !== undefined && name === indexFile) await writeIndex(model, to, bytes);
      else await copyFile(join(folder, name), to, constants.COPYFILE_FICLONE);
    }
  });
  return { modules: pairs.size, bytes, leftOut, rounding: rounding.cost() };
}

/** PEFT sets it only for Conv1D layers; of the families here, only GPT-2 has them. */
function requireSameOrder(model: ModelFolder, adapter: Adapter): void {
  if (!adapter.fanInFanOut || storesInputsFirst(model)) return;
  throw new CoxswainError(
    "model",
    `the adapter ${adapter.path} has fan_in_fan_out, but ${model.path} is not gpt2, so its weights may not be [in, out]`,
    { hint: "The adapter was trained for another model, or for an unsupported family." },
  );
}

/** The layout of the adapter's modules, with the sizes of the model's weights. */
function adapterLayout(model: ModelFolder, adapter: Adapter): LoraLayout {
  const { targetModules } = adapter.settings;
  const modules = targetModules === "all-linear" ? [] : targetModules;
  const known = new Set(modules.flatMap((module) => [peftKey({ module, part: "A" }), peftKey({ module, part: "B" })]));
  const strange = [...adapter.tensors.keys()].find((name) => !known.has(name));
  if (strange !== undefined || modules.length === 0) {
    throw new CoxswainError(
      "model",
      `the adapter ${adapter.path} has ${strange ?? "no tensors"}, which cannot be merged`,
      {
        hint: "Only LoRA pairs (lora_A, lora_B) of linear layers can be merged.",
      },
    );
  }
  return loraLayout(
    adapter.settings,
    modules.map((path) => linearModule(model, adapter, path)),
  );
}

function linearModule(model: ModelFolder, adapter: Adapter, path: string): LinearModule {
  const weight = model.tensors.get(weightName(model, path));
  const [first, second, ...more] = weight?.shape ?? [];
  if (first === undefined || second === undefined || more.length > 0) {
    const found =
      weight === undefined ? "which the model does not have" : `which is [${weight.shape.join(", ")}], not a matrix`;
    throw new CoxswainError("model", `the adapter ${adapter.path} adapts ${path}.weight, ${found}: ${model.path}`, {
      hint: "The adapter was trained for another model.",
    });
  }
  return storesInputsFirst(model)
    ? { path, inFeatures: first, outFeatures: second, inputsFirst: true }
    : { path, inFeatures: second, outFeatures: first };
}

/** The name in the model's files of a module's weight. */
const weightName = (model: ModelFolder, path: string): string =>
  storedName(model, `${path}.weight`) ?? `${path}.weight`;

/** LoRA pairs by the name of the weight that they change. */
function loraPairs(model: ModelFolder, layout: LoraLayout, flat: Float32Array): Map<string, LoraPair> {
  const parts = new Map(
    layout.tensors.map(({ module, part, shape, offset }) => [
      `${module} ${part}`,
      flat.subarray(offset, offset + shape[0] * shape[1]),
    ]),
  );
  const pairs = new Map<string, LoraPair>();
  for (const { module } of layout.tensors) {
    const [a, b] = [parts.get(`${module} A`), parts.get(`${module} B`)];
    if (a === undefined || b === undefined) continue;
    const pair = { a, b, r: layout.r, scale: layout.scale };
    pairs.set(weightName(model, module), layout.fanInFanOut === true ? transposed(pair) : pair);
  }
  return pairs;
}

const typeKeys = ["dtype", "torch_dtype"] as const;

/**
 * The type that config.json must declare; undefined if it is right or absent. transformers loads weights in the
 * declared type, so a folder of f32 weights that declares bfloat16 would be rounded when it is loaded.
 */
function typeToSay({ config, tensors }: ModelFolder, dtype: MergeType): string | undefined {
  if (dtype !== "auto") return dtype;
  const largest = [...tensors.values()].reduce((most, each) => (each.byteLength > most.byteLength ? each : most));
  const [stored] = Object.entries(fileTypes).find(([, type]) => type === largest.dtype) ?? [];
  const said = typeKeys.map((key) => config[key]).find((type) => type !== undefined && type !== null);
  return said === undefined || said === stored ? undefined : stored;
}

/** config.json with the new type, under the key it has (`dtype` since transformers 5, `torch_dtype` before). */
async function writeConfig(model: ModelFolder, to: string, dtype: string): Promise<void> {
  const keys = typeKeys.filter((key) => key in model.config);
  const types = Object.fromEntries((keys.length > 0 ? keys : ["torch_dtype"]).map((key) => [key, dtype]));
  await writeFile(to, `${JSON.stringify({ ...model.config, ...types }, undefined, 2)}\n`);
}

async function writeIndex(model: ModelFolder, to: string, bytes: number): Promise<void> {
  const index = await readJsonObject(join(model.path, indexFile));
  const { metadata } = index;
  const known = typeof metadata === "object" ? metadata : {};
  await writeFile(to, `${JSON.stringify({ ...index, metadata: { ...known, total_size: bytes } }, undefined, 2)}\n`);
}
