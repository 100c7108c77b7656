/**
 * Opens a Hugging Face model folder: config.json and the headers of its safetensors files, one file or shards with an
 * index. Reads no weights; independent of architectures.
 */
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, isAbsolute, join, resolve } from "node:path";
import { CoxswainError } from "../errors.js";
import { storageTrouble } from "../storage/index.js";
import { isJsonObject, readJsonObject, type JsonObject } from "./files.js";
import type { ModelFolder, TensorLocation } from "./folder.js";
import { refusePointer } from "./lfs-pointer.js";
import { withoutSymlinks } from "./link-folder.js";
import { notAFolder, withoutConfig, withoutShards, withoutWeights } from "./not-a-model.js";
import { hasOwnHead } from "./own-head.js";
import { readSafetensorsHeader } from "./safetensors.js";

export const configFile = "config.json";
export const weightsFile = "model.safetensors";
export const indexFile = "model.safetensors.index.json";

export interface OpenModelFolderOptions {
  /** Coxswain's cache, for folders whose files are symbolic links (see `link-folder.ts`). */
  readonly cacheDir?: string;
}

/**
 * Opens the model folder at `path`. `ModelFolder.path` is the real location of its files: no file in it is a symbolic
 * link.
 * @throws CoxswainError "model" for a missing folder or file, a damaged one, or an index that leaves the folder
 */
export async function openModelFolder(path: string, options: OpenModelFolderOptions = {}): Promise<ModelFolder> {
  const given = await realFolder(path);
  const { files, weightMap } = await weightFiles(given);
  const folder = await withoutSymlinks(given, files, options.cacheDir);
  for (const name of [configFile, "tokenizer.json", ...files]) await refusePointer(join(folder, name));
  const config = await readJsonObject(join(folder, configFile));
  refuseQuantised(folder, config);
  const tensors = await tensorsOf(folder, files);
  for (const [name, file] of weightMap ?? []) checkAgainstIndex(given, name, file, tensors.get(name));
  const opened = { path: folder, config, tensors };
  return { ...opened, ownHead: await hasOwnHead(opened) };
}

/** Their tensors have other types and names, which would cause a less helpful error later. */
function refuseQuantised(folder: string, { quantization_config: quantization }: JsonObject): void {
  if (quantization === undefined || quantization === null) return;
  const method = isJsonObject(quantization) ? quantization["quant_method"] : undefined;
  const how = typeof method === "string" ? ` (quantization_config: ${method})` : " (quantization_config)";
  throw new CoxswainError("model", `${join(folder, configFile)}: an already quantised model${how} is not supported`, {
    hint: "Give the original model; the run file's quantization: nf4 quantises it here.",
  });
}

/** All tensors of all files, named in the index or not; the later file wins for duplicate names, as in transformers. */
async function tensorsOf(folder: string, files: readonly string[]): Promise<Map<string, TensorLocation>> {
  const tensors = new Map<string, TensorLocation>();
  for (const file of files) {
    const { tensors: entries } = await readSafetensorsHeader(join(folder, file));
    for (const [name, entry] of entries) tensors.set(name, { file, ...entry });
  }
  return tensors;
}

function checkAgainstIndex(folder: string, name: string, file: string, found: TensorLocation | undefined): void {
  if (found?.file === file) return;
  const hint = "The shards do not belong to this index: fetch the model again.";
  const what =
    found === undefined
      ? `${join(folder, file)}: tensor "${name}" is missing, although ${indexFile} lists it`
      : `${join(folder, found.file)}: tensor "${name}" is in this file, but ${indexFile} lists it in ${file}`;
  throw new CoxswainError("model", what, { hint });
}

/**
 * Checks that a folder has config.json and all of its weight files (and that links are not broken); opens none of them.
 * @throws CoxswainError "model" naming what is missing
 */
export async function requireModelFiles(folder: string): Promise<void> {
  const { files } = await weightFiles(folder);
  for (const name of [configFile, ...files]) {
    const path = join(folder, name);
    await stat(path).catch((error: unknown) => {
      throw storageTrouble(error, path, "model");
    });
  }
}

async function realFolder(path: string): Promise<string> {
  try {
    const folder = await realpath(resolve(path));
    if ((await stat(folder)).isDirectory()) return folder;
  } catch (error) {
    throw storageTrouble(error, path, "model");
  }
  throw notAFolder(path);
}

interface WeightFiles {
  /** Names within the folder, sorted. */
  readonly files: readonly string[];
  /** Tensor name to file name, if there is an index. */
  readonly weightMap: ReadonlyMap<string, string> | undefined;
}

/** The weight files of a folder: a single file wins over an index, as in transformers. */
async function weightFiles(folder: string): Promise<WeightFiles> {
  const names = new Set(await readdir(folder));
  if (!names.has(configFile)) throw await withoutConfig(folder, names);
  if (names.has(weightsFile)) return { files: [weightsFile], weightMap: undefined };
  if (!names.has(indexFile)) throw withoutWeights(folder, names, [weightsFile, indexFile]);
  const weightMap = await readIndex(join(folder, indexFile));
  const files = [...new Set(weightMap.values())].sort();
  const missing = files.filter((file) => !names.has(file));
  if (missing.length > 0) throw withoutShards(folder, indexFile, missing, files.length);
  return { files, weightMap };
}

/** Tensor name to file name, checked. */
export async function readIndex(path: string): Promise<Map<string, string>> {
  await refusePointer(path);
  const { weight_map: entries } = await readJsonObject(path);
  if (!isJsonObject(entries) || Object.keys(entries).length === 0) {
    throw new CoxswainError("model", `${path}: "weight_map" must map tensor names to files`, {
      hint: "Fetch the file again.",
    });
  }
  const weightMap = new Map<string, string>();
  for (const [name, file] of Object.entries(entries)) {
    if (typeof file !== "string" || file === "") {
      throw new CoxswainError("model", `${path}: the file of tensor "${name}" is ${JSON.stringify(file)}`, {
        hint: "Fetch the file again.",
      });
    }
    if (!isPlainFileName(file)) {
      throw new CoxswainError(
        "model",
        `${path}: tensor "${name}" is in ${JSON.stringify(file)}, a path outside its folder`,
        {
          hint: "Do not use this model: an index may only name files in its own folder.",
        },
      );
    }
    if (!/^[^.].*\.safetensors$/.test(file)) {
      throw new CoxswainError("model", `${path}: tensor "${name}" is in ${file}, which is not a .safetensors file`, {
        hint: "Fetch the model as safetensors, or convert it.",
      });
    }
    weightMap.set(name, file);
  }
  return weightMap;
}

/** Whether a name denotes a file directly within a folder, on any system. */
export function isPlainFileName(name: string): boolean {
  return (
    name !== "" &&
    name !== "." &&
    name !== ".." &&
    !/[/\\:\0]/.test(name) &&
    !isAbsolute(name) &&
    basename(name) === name
  );
}
