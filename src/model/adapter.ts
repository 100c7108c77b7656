/**
 * PEFT adapter folders, written and read: `adapter_model.safetensors`, `adapter_config.json`, README.md,
 * `coxswain.json`.
 */
import { existsSync } from "node:fs";
import { access, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CoxswainError, systemCodeOf } from "../errors.js";
import { listed } from "../listed.js";
import { createFolder, replaceFolder, storageTrouble, temporaryName } from "../storage/index.js";
import { checkAdapterTensors } from "./adapter-check.js";
import { adapterConfigText, parseAdapterConfig, type AdapterSettings } from "./adapter-config.js";
import {
  baseRecordFile,
  baseRecordText,
  hubIdOf,
  readAdapterRecord,
  type AdapterOrigin,
  type AdapterRecord,
  type BaseModelRecord,
  type ChosenState,
  type TemplateKwargs,
} from "./base-record.js";
import { readJsonObject, type JsonObject } from "./files.js";
import { filesBelow, keepOtherFiles, sameContent } from "./kept-files.js";
import { loraScale, type LoraLayout, type LoraSettings, type LoraTensor } from "./lora.js";
import { modelCard, templateFacts } from "./model-card.js";
import type { Quantization } from "./nf4/store.js";
import { similarFolder } from "./not-a-model.js";
import { readFloats } from "./read-tensor.js";
import { readSafetensorsHeader } from "./safetensors.js";
import { floatTensor, writeSafetensors, type TensorSource } from "./safetensors-write.js";

export const adapterWeightsFile = "adapter_model.safetensors";
export const adapterConfigFile = "adapter_config.json";

/** Key of the weights file's metadata: how the base model was quantised in training. Other libraries ignore it. */
const quantizationKey = "base_model_quantization";

/** The name PEFT gives a LoRA tensor: "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight". */
export const peftKey = ({ module, part }: Pick<LoraTensor, "module" | "part">): string =>
  `base_model.model.${module}.lora_${part}.weight`;

/** All LoRA tensors of a flat vector as named tensors, without copying. */
export function adapterTensors(layout: LoraLayout, flat: Float32Array, suffix = ""): TensorSource[] {
  return layout.tensors.map((tensor) => {
    const { shape, offset } = tensor;
    const values = flat.subarray(offset, offset + shape[0] * shape[1]);
    return floatTensor(`${peftKey(tensor)}${suffix}`, shape, values);
  });
}

/** Rows for the model card: what the adapter was trained with. */
export type TrainingFacts = Readonly<Record<string, string | number>>;

/** The contents of an adapter to write. */
export interface TrainedAdapter {
  readonly layout: LoraLayout;
  /** All LoRA tensors, [layout.size]. */
  readonly parameters: Float32Array;
  readonly settings: LoraSettings;
  /** Hub id or folder of the base model. */
  readonly baseModel: string;
  /** Quantization of the base model in training. Default: none. */
  readonly quantization?: Quantization | null;
  readonly training?: TrainingFacts;
  /** The evaluation for which its state was chosen. Default: it is that of the last step. */
  readonly best?: ChosenState;
  /** Content hashes of the base model. Default: not recorded. */
  readonly base?: BaseModelRecord;
  /** `data.chat_template_kwargs`. Default: none. */
  readonly templateKwargs?: TemplateKwargs;
  /** Files needed to use the trained model (tokenizer, chat template …): contents by name within the folder. */
  readonly companions?: ReadonlyMap<string, Uint8Array>;
}

/** Writes the files of an adapter into an existing folder, not atomically: for temporary folders. */
export async function writeAdapterFiles(folder: string, adapter: TrainedAdapter): Promise<void> {
  const { layout, parameters, settings, baseModel, quantization = null, training = {} } = adapter;
  const { base, templateKwargs, companions = new Map<string, Uint8Array>() } = adapter;
  await writeSafetensors(join(folder, adapterWeightsFile), adapterTensors(layout, parameters), {
    format: "pt",
    ...(quantization === null ? {} : { [quantizationKey]: quantization }),
  });
  const modules = new Set(layout.tensors.map(({ module }) => module)).size;
  const facts = { ...(quantization === null ? {} : { quantization }), ...templateFacts(templateKwargs), ...training };
  const card = modelCard({
    base: { id: hubIdOf(baseModel), name: basename(baseModel), sha256: base?.sha256 },
    settings,
    modules,
    parameters: layout.size,
    training: facts,
    companions: [...companions.keys()],
  });
  try {
    await writeFile(join(folder, adapterConfigFile), adapterConfigText(layout, settings, baseModel));
    await writeFile(join(folder, "README.md"), card);
    if (base !== undefined)
      await writeFile(join(folder, baseRecordFile), baseRecordText(base, templateKwargs, adapter.best));
    for (const [name, bytes] of companions) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes);
    }
  } catch (error) {
    throw storageTrouble(error, folder);
  }
}

/**
 * Writes an adapter folder that PEFT, vLLM and llama.cpp's converter load: written to a temporary folder, flushed,
 * renamed; an existing adapter is replaced completely or kept. Files with other names are kept.
 * @throws CoxswainError "storage" for a full disk or a similar error
 */
export async function writeAdapter(folder: string, adapter: TrainedAdapter): Promise<void> {
  await replaceFolder(folder, async (aside) => {
    await writeAdapterFiles(aside, adapter);
    await keepOtherFiles(folder, aside);
  });
}

/** As `writeAdapter`, but leaves a folder with the same weights and all other files unchanged. */
export async function completeAdapter(folder: string, adapter: TrainedAdapter): Promise<void> {
  const parent = dirname(folder);
  const fresh = join(parent, temporaryName(basename(folder)));
  try {
    await createFolder(fresh, (aside) => writeAdapterFiles(aside, adapter));
    if (await hasSameWeights(folder, fresh)) return;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  await writeAdapter(folder, adapter);
}

/** Whether `folder` has every file of `fresh`, with identical weights. */
async function hasSameWeights(folder: string, fresh: string): Promise<boolean> {
  const names = (await filesBelow(fresh)).map(({ name }) => name);
  const there = new Set((await filesBelow(folder)).map(({ name }) => name));
  if (!names.every((name) => there.has(name))) return false;
  return sameContent(join(folder, adapterWeightsFile), join(fresh, adapterWeightsFile));
}

export interface AdapterTensor {
  readonly shape: readonly number[];
  /** Row-major f32. */
  readonly values: Float32Array;
}

/** An adapter that was read. */
export interface Adapter extends AdapterOrigin {
  /** `targetModules` are the full paths of the modules that the adapter has tensors for, in the file's order. */
  readonly settings: LoraSettings;
  /** Whether it declares the adapted weights to be stored [in, out]. */
  readonly fanInFanOut: boolean;
  /** How the base model was quantised when Coxswain trained it; null if not recorded. */
  readonly quantization: Quantization | null;
  /** By PEFT's name. */
  readonly tensors: ReadonlyMap<string, AdapterTensor>;
}

/**
 * Which model an adapter was trained on; reads no tensors.
 * @throws CoxswainError "model" for a missing or damaged file
 */
export async function readAdapterOrigin(folder: string): Promise<AdapterOrigin> {
  await requireAdapterFiles(folder);
  const config = await readJsonObject(join(folder, adapterConfigFile));
  return { path: folder, baseModel: baseModelOf(config), ...recorded(await readAdapterRecord(folder)) };
}

const recorded = (record: AdapterRecord | null): Pick<AdapterOrigin, "base" | "templateKwargs"> =>
  record ?? { base: null, templateKwargs: {} };

function baseModelOf(config: JsonObject): string | undefined {
  const base = config["base_model_name_or_path"];
  return typeof base === "string" && base !== "" ? base : undefined;
}

/**
 * Reads a PEFT LoRA adapter; f16 and bf16 tensors are widened to f32.
 * @throws CoxswainError "model" for a missing or damaged file, or a feature of PEFT that is not supported
 */
export async function readAdapter(folder: string): Promise<Adapter> {
  await requireAdapterFiles(folder);
  const configPath = join(folder, adapterConfigFile);
  const config = await readJsonObject(configPath);
  const settings: AdapterSettings = parseAdapterConfig(config, configPath);
  const path = join(folder, adapterWeightsFile);
  const { tensors: entries, metadata } = await readSafetensorsHeader(path);
  checkAdapterTensors(folder, config, settings, entries);
  const tensors = new Map<string, AdapterTensor>();
  for (const [name, entry] of entries) tensors.set(name, { shape: entry.shape, values: await readFloats(path, entry) });
  return {
    path: folder,
    settings: { ...settings, targetModules: adaptedModules(tensors.keys()) },
    fanInFanOut: config["fan_in_fan_out"] === true,
    baseModel: baseModelOf(config),
    ...recorded(await readAdapterRecord(folder)),
    quantization: quantizationOf(metadata[quantizationKey], path),
    tensors,
  };
}

function quantizationOf(name: string | undefined, path: string): Quantization | null {
  if (name === undefined || name === "nf4") return name ?? null;
  throw new CoxswainError(
    "model",
    `${path}: it was trained on a base model in "${name}", which this version does not support`,
    {
      hint: "Use the version of coxswain that trained it, or a later one.",
    },
  );
}

async function requireAdapterFiles(folder: string): Promise<void> {
  for (const name of [adapterConfigFile, adapterWeightsFile]) {
    try {
      await access(join(folder, name));
    } catch (error) {
      if (!existsSync(folder)) throw await missingAdapter(folder);
      const names: string[] = await readdir(folder).catch(() => []);
      const pickled = systemCodeOf(error) === "ENOENT" && names.includes("adapter_model.bin");
      if (pickled) {
        throw new CoxswainError("model", `${folder}: has only adapter_model.bin, which is not supported`, {
          hint: "Load it with PEFT and call save_pretrained, which writes adapter_model.safetensors.",
        });
      }
      const isRun = names.includes("adapter") && names.includes("events.jsonl");
      throw new CoxswainError("model", `${join(folder, name)}: no such file`, {
        hint: isRun
          ? `This is a run's output folder; its adapter is in ${join(folder, "adapter")}.`
          : "A PEFT adapter folder has adapter_config.json and adapter_model.safetensors.",
        cause: error,
      });
    }
  }
}

async function missingAdapter(folder: string): Promise<CoxswainError> {
  const similar = await similarFolder(folder);
  return new CoxswainError("model", `${folder}: no such adapter folder`, {
    hint:
      `${similar === undefined ? "" : `Did you mean ${similar}? `}Give a PEFT adapter folder, such as ` +
      "runs/my-run/adapter.",
  });
}

function adaptedModules(names: Iterable<string>): string[] {
  const modules = new Set<string>();
  for (const name of names) {
    const module = /^base_model\.model\.(.+)\.lora_[AB]\.weight$/.exec(name)?.[1];
    if (module !== undefined) modules.add(module);
  }
  return [...modules];
}

/**
 * An adapter's tensors in the order of `layout`.
 * @param settings the run's, if any: then alpha and rsLoRA must equal the adapter's, not only the resulting scale
 * @returns [layout.size]
 * @throws CoxswainError "model" if rank or scale differ from the layout's, or a tensor is missing, extra or has another
 * shape
 */
export function flattenAdapter(adapter: Adapter, layout: LoraLayout, settings?: LoraSettings): Float32Array {
  requireSameSettings(adapter, layout, settings);
  const flat = new Float32Array(layout.size);
  const expected = new Map(layout.tensors.map((tensor) => [peftKey(tensor), tensor]));
  const extra = [...adapter.tensors.keys()].filter((name) => !expected.has(name));
  const missing = [...expected.keys()].filter((name) => !adapter.tensors.has(name));
  if (missing.length > 0) throw mismatch(adapter, `lacks ${listed(missing, 5)}`);
  if (extra.length > 0) throw mismatch(adapter, `has tensors that this run does not train: ${listed(extra, 5)}`);
  for (const [name, { shape, offset }] of expected) {
    const found = adapter.tensors.get(name);
    if (found?.shape.length !== 2 || found.shape[0] !== shape[0] || found.shape[1] !== shape[1]) {
      throw mismatch(adapter, `has ${name} as [${String(found?.shape)}], expected [${String(shape)}]`);
    }
    flat.set(found.values, offset);
  }
  return flat;
}

function requireSameSettings(adapter: Adapter, layout: LoraLayout, run: LoraSettings | undefined): void {
  const { path, settings } = adapter;
  const differ = (key: string, ours: number | boolean, name: string, theirs: number | boolean): CoxswainError =>
    new CoxswainError("model", `lora.${key} is ${ours} but the adapter ${path} has ${name} ${theirs}`, {
      hint: "Set the run's lora section to the adapter's values, or start from another adapter.",
    });
  if (settings.r !== layout.r) throw differ("r", layout.r, "r", settings.r);
  if (run !== undefined && run.alpha !== settings.alpha) {
    throw differ("lora_alpha", run.alpha, "lora_alpha", settings.alpha);
  }
  if (run !== undefined && run.useRslora !== settings.useRslora) {
    throw differ("use_rslora", run.useRslora, "use_rslora", settings.useRslora);
  }
  // Both sides compute the scale by the same formula, so equal settings give equal bits.
  if (loraScale(settings) !== layout.scale) throw differ("scale", layout.scale, "scale", loraScale(settings));
}

function mismatch(adapter: Adapter, what: string): CoxswainError {
  return new CoxswainError("model", `the adapter ${adapter.path} ${what}`, {
    hint: "It was trained for other modules or another model: check model and lora.target_modules.",
  });
}
