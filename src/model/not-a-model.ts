/** What a place that is no model folder is instead, in words, with what to give in its place. */
import { lstat, readdir, readFile, readlink, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { CoxswainError } from "../errors.js";
import { listed } from "../listed.js";
import { nearest } from "../nearest.js";
import { isJsonObject } from "./files.js";

const trouble = (message: string, hint: string): CoxswainError => new CoxswainError("model", message, { hint });

const anyModel = "A Hugging Face model folder has config.json, tokenizer.json and .safetensors files.";

/** A file instead of a folder. */
export function notAFolder(path: string): CoxswainError {
  if (path.endsWith(".gguf")) return trouble(`${path}: is a GGUF file, which is not supported`, unquantised);
  return trouble(
    `${path}: is a file, but a model is a folder`,
    "Give the folder that contains config.json and the .safetensors files.",
  );
}

const unquantised = "Give the folder of its original model, as safetensors.";

/**
 * A folder without config.json.
 * @param names of its entries
 */
export async function withoutConfig(folder: string, names: ReadonlySet<string>): Promise<CoxswainError> {
  if (names.size === 0) return trouble(`${folder}: the folder is empty`, anyModel);
  if (names.has("adapter_config.json")) return adapterFolder(folder);
  if (names.has("model_index.json")) {
    return trouble(`${folder}: is a diffusers pipeline (model_index.json), not a language model`, anyModel);
  }
  const ggufs = [...names].filter((name) => name.endsWith(".gguf"));
  if (ggufs.length > 0)
    return trouble(`${folder}: has only GGUF files, which are not supported: ${listed(ggufs, 3)}`, unquantised);
  if (names.has("params.json")) {
    return trouble(
      `${folder}: has its weights in Meta's own format (params.json)`,
      "Give the model's Hugging Face folder.",
    );
  }
  const inside = await modelBelow(folder, names);
  return trouble(
    `${join(folder, "config.json")}: no such file`,
    inside === undefined ? anyModel : `Did you mean ${inside}?`,
  );
}

async function adapterFolder(folder: string): Promise<CoxswainError> {
  const config: unknown = await readFile(join(folder, "adapter_config.json"), "utf8")
    .then(JSON.parse)
    .catch(() => null);
  const named = isJsonObject(config) ? config["base_model_name_or_path"] : undefined;
  const base = typeof named === "string" && named !== "" ? ` (${named})` : "";
  return trouble(
    `${folder}: is a PEFT adapter (adapter_config.json), not a model`,
    `Give the adapter's base model${base} as the model, and this folder as --adapter, or as lora.init_adapter to train it further.`,
  );
}

/**
 * A model folder below a folder that is not a model: a folder in a folder, or a snapshot in the Hugging Face libraries'
 * cache.
 */
async function modelBelow(folder: string, names: ReadonlySet<string>): Promise<string | undefined> {
  const places = [...names].sort();
  if (names.has("snapshots")) {
    for (const name of await readdir(join(folder, "snapshots")).catch(() => [])) places.push(join("snapshots", name));
  }
  for (const name of places.slice(0, 100)) {
    const inside = join(folder, name);
    if ((await stat(join(inside, "config.json")).catch(() => undefined))?.isFile() === true) return inside;
  }
  return undefined;
}

/**
 * A folder with config.json and without safetensors.
 * @param wanted the required files, one of which must exist: a file, or an index of several
 */
export function withoutWeights(folder: string, names: ReadonlySet<string>, wanted: readonly string[]): CoxswainError {
  const all = [...names].sort();
  const pickled = all.filter((name) => /^(pytorch_model|consolidated).*\.(bin|pth|pt|bin\.index\.json)$/.test(name));
  if (pickled.length > 0) {
    return trouble(
      `${folder}: has weights as ${listed(pickled, 3)} only, which are not supported`,
      "Convert it: AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(OTHER, safe_serialization=True).",
    );
  }
  const other = all.filter((name) => /\.(gguf|h5|msgpack|onnx|npz|ot|ckpt|pt|pth)$/.test(name));
  if (other.length > 0)
    return trouble(`${folder}: has weights as ${listed(other, 3)} only, which are not supported`, unquantised);
  const partial = all.filter((name) => name.endsWith(".incomplete"));
  if (partial.length > 0) {
    return trouble(`${folder}: its download is incomplete: ${listed(partial, 3)}`, "Fetch the complete model again.");
  }
  const shards = all.filter((name) => name.endsWith(".safetensors"));
  const lacks = `${folder}: has neither ${wanted.join(" nor ")}`;
  if (shards.length === 0) return trouble(lacks, "Fetch the model's .safetensors files into the folder.");
  return trouble(
    `${lacks}, but ${listed(shards, 3)}`,
    "Fetch the index of the shards too, or rename a single file to what transformers expects.",
  );
}

/** Missing shards of an index. */
export function withoutShards(folder: string, index: string, missing: readonly string[], all: number): CoxswainError {
  return trouble(
    `${folder}: ${missing.length} of ${all} shards named in ${index} are missing: ${listed(missing, 3)}`,
    "The model is incomplete: fetch the missing files into the folder.",
  );
}

/** A model that is neither a folder nor a hub id. */
export async function nothingThere(model: string, path: string): Promise<CoxswainError> {
  const target = await readlink(path).catch(() => undefined);
  if (target !== undefined) {
    return trouble(`${model}: is a symbolic link to ${target}, which does not exist`, "Correct the link's target.");
  }
  const similar = await similarFolder(path);
  const general =
    '"model" is a Hugging Face folder (relative to the run file) or a hub id such as HuggingFaceTB/SmolLM2-135M-Instruct.';
  return trouble(
    `${model}: no such folder, and not a hub id`,
    similar === undefined ? general : `Did you mean ${similar}? ${general}`,
  );
}

/** A folder with a name similar to a missing path. */
export async function similarFolder(path: string): Promise<string | undefined> {
  const parent = dirname(resolve(path));
  const names: string[] = [];
  for (const name of await readdir(parent).catch(() => [])) {
    if ((await lstat(join(parent, name)).catch(() => undefined))?.isFile() === false) names.push(name);
  }
  const wanted = basename(path);
  const longer = (name: string): boolean => name.toLowerCase().startsWith(wanted.toLowerCase());
  const found = nearest(wanted, names) ?? (wanted.length > 2 ? names.find(longer) : undefined);
  return found === undefined ? undefined : join(dirname(path), found);
}
