/**
 * `coxswain.json`, next to an adapter: identifies its base model by content, and has the variables of the chat template
 * that it was trained with. (PEFT warns about unknown keys in adapter_config.json, so this is a separate file.) Also
 * compares another model with it.
 */
import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { z } from "zod";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { refuseSpecialFile } from "../regular-file.js";
import { storageTrouble } from "../storage/index.js";
import { decisiveFiles, modelManifest, type ManifestOptions, type ModelManifest } from "./manifest.js";
import type { ModelFolder } from "./folder.js";

export const baseRecordFile = "coxswain.json";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const recordSchema = z.object({
  version: z.literal(1),
  base_model: z.object({
    /** The hub id; null for a folder whose origin is unknown. */
    id: z.string().nullable(),
    /** Hash of the manifest: over names and hashes of the files below. */
    sha256,
    /** SHA-256 of config.json, the weights and their index, by name. */
    files: z.record(z.string(), sha256),
  }),
  /** `data.chat_template_kwargs` of the run; absent if there are none. */
  chat_template_kwargs: z.record(z.string(), z.json()).default({}),
  /** The evaluation for which the adapter's state was chosen; absent if it is that of the last step. */
  best_model: z.object({ step: z.int().nonnegative(), metric: z.string(), value: z.number() }).optional(),
});

/** Variables of a chat template. */
export type TemplateKwargs = Readonly<Record<string, unknown>>;

/** The record of a base model. */
export type BaseModelRecord = Readonly<z.output<typeof recordSchema>["base_model"]>;

/** A state that was chosen for its evaluation. */
export type ChosenState = Readonly<NonNullable<z.output<typeof recordSchema>["best_model"]>>;

/** @param model the run's model: a hub id, or a folder */
export function baseModelRecord(model: string, manifest: ModelManifest): BaseModelRecord {
  const files = Object.fromEntries(decisiveFiles(manifest.files).map(({ name, sha256: hash }) => [name, hash]));
  return { id: hubIdOf(model) ?? null, sha256: manifest.hash, files };
}

/**
 * The hub id of a model: the id itself, without a revision, or that of a folder in the hub's cache
 * (`models--owner--name/snapshots/COMMIT`); undefined for any other folder.
 */
export function hubIdOf(model: string): string | undefined {
  const [, owner, name] = /[\\/]models--(?:([^\\/]+?)--)?([^\\/]+)[\\/]snapshots[\\/][^\\/]+[\\/]?$/.exec(model) ?? [];
  if (name !== undefined) return owner === undefined ? name : `${owner}/${name}`;
  if (isAbsolute(model) || !/^(?:[\w-][\w.-]*\/)?[\w-][\w.-]*(?:@[^@]+)?$/.test(model)) return undefined;
  return model.replace(/@.*$/, "");
}

export function baseRecordText(base: BaseModelRecord, kwargs: TemplateKwargs = {}, best?: ChosenState | null): string {
  const own = {
    ...(Object.keys(kwargs).length === 0 ? {} : { chat_template_kwargs: kwargs }),
    ...(best === undefined || best === null ? {} : { best_model: best }),
  };
  return `${JSON.stringify({ version: 1, base_model: base, ...own }, undefined, 2)}\n`;
}

/** What `coxswain.json` says. */
export interface AdapterRecord {
  readonly base: BaseModelRecord;
  readonly templateKwargs: TemplateKwargs;
  /** null: it is that of the last step, or not recorded. */
  readonly best: ChosenState | null;
}

/**
 * @returns null if the adapter has no such file: another program or an older version wrote it
 * @throws CoxswainError "model" for a damaged one
 */
export async function readAdapterRecord(folder: string): Promise<AdapterRecord | null> {
  const path = join(folder, baseRecordFile);
  await refuseSpecialFile(path, "model");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return null;
    throw storageTrouble(error, path, "model");
  }
  try {
    const record = recordSchema.parse(JSON.parse(text));
    const { base_model: base, chat_template_kwargs: templateKwargs, best_model: best = null } = record;
    return { base, templateKwargs, best };
  } catch (error) {
    const what = error instanceof z.ZodError ? (error.issues[0]?.message ?? "invalid") : messageOf(error);
    throw new CoxswainError("model", `${path} does not say which model the adapter was trained on: ${what}`, {
      hint: "It may be truncated, or from a later version of coxswain: copy the adapter again, or remove this file.",
      cause: error,
    });
  }
}

/** An adapter's reference to its base model. */
export interface AdapterOrigin {
  /** The adapter's folder. */
  readonly path: string;
  /** `base_model_name_or_path`, if present: a hub id or a folder. */
  readonly baseModel: string | undefined;
  /** null if Coxswain did not write the adapter. */
  readonly base: BaseModelRecord | null;
  /** Variables of the chat template that it was trained with. */
  readonly templateKwargs: TemplateKwargs;
  /** The evaluation for which its state was chosen; null: that of the last step, or not recorded. */
  readonly best?: ChosenState | null;
}

export interface CompareBaseOptions extends ManifestOptions {
  /** Called before the model is hashed; cached hashes cost nothing. */
  readonly onHash?: () => void;
}

/**
 * A sentence that names both models if `model` is not the one that the adapter was trained on; null if it is, or if
 * that is not recorded.
 * @param name the user's name for the model
 */
export async function otherBaseNote(
  { path, baseModel, base }: Omit<AdapterOrigin, "templateKwargs">,
  model: ModelFolder,
  name: string,
  { onHash = () => undefined, ...options }: CompareBaseOptions = {},
): Promise<string | null> {
  if (base === null) return null;
  onHash();
  const here = await modelManifest(model, options);
  if (here.hash === base.sha256) return null;
  const trained = base.id ?? baseModel ?? "another model";
  const files = baseModelRecord(name, here).files;
  const differing = [...new Set([...Object.keys(base.files), ...Object.keys(files)])]
    .filter((file) => base.files[file] !== files[file])
    .sort();
  return (
    `the adapter ${path} was trained on ${trained} (sha256 ${short(base.sha256)}), but the model here is ${name} ` +
    `(sha256 ${short(here.hash)}): ${differing.join(", ")} ${differing.length === 1 ? "differs" : "differ"}. ` +
    "Results will differ, unless this is the same model with another element type or sharding"
  );
}

const short = (hash: string): string => hash.slice(0, 12);
