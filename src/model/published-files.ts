/**
 * The files of an adapter as they are published: what loading it needs and nothing else, without the names that only the
 * machine that trained it knows. Reads the adapter; writes nothing.
 */
import { readdir, readFile } from "node:fs/promises";
import { basename, join, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { CoxswainError } from "../errors.js";
import { storageTrouble } from "../storage/index.js";
import { adapterConfigFile, adapterWeightsFile, readAdapter } from "./adapter.js";
import { baseRecordFile, baseRecordText, hubIdOf } from "./base-record.js";
import { readJsonObject } from "./files.js";
import type { LoraSettings } from "./lora.js";
import { modelCard, templateFacts } from "./model-card.js";
import type { TrainingReport } from "./training-report.js";

/** Names beside the adapter's own files: tokenizer, templates, end tokens. */
const companion =
  /^(?:tokenizer\.json|tokenizer_config\.json|special_tokens_map\.json|added_tokens\.json|tokenizer\.model|vocab\.json|merges\.txt|generation_config\.json|chat_template\.jinja|additional_chat_templates\/[^/]+\.jinja)$/;

const readme = "README.md";
const own: ReadonlySet<string> = new Set([adapterWeightsFile, adapterConfigFile, baseRecordFile, readme]);

export interface PublishedFilesOptions {
  /** "owner/name" */
  readonly publishedAs: string;
  /** The base model's hub id. Default: as recorded. */
  readonly baseModel: string | undefined;
  readonly report: TrainingReport;
  /** Text that must not leave this machine, with what it is: a token, a path. */
  readonly secrets: readonly Secret[];
  /** Names of this machine and its user: a folder of such a name is not named. */
  readonly localNames: readonly string[];
}

export interface Secret {
  readonly text: string;
  /** "the token" */
  readonly what: string;
}

export interface PublishedFiles {
  /** Contents, or the URL of a file, by name. */
  readonly files: ReadonlyMap<string, Uint8Array | URL>;
  /** Other files of the folder. */
  readonly omitted: readonly string[];
  /** The base model's hub id, if it is known. */
  readonly baseModel: string | undefined;
}

/**
 * @throws CoxswainError "model" for a missing or damaged adapter, "config" for a file that contains one of the secrets
 */
export async function publishedFiles(folder: string, options: PublishedFilesOptions): Promise<PublishedFiles> {
  const adapter = await readAdapter(folder);
  const recorded = adapter.base?.id ?? (adapter.baseModel === undefined ? undefined : hubIdOf(adapter.baseModel));
  const baseModel = options.baseModel ?? recorded;
  const folderName = basename(adapter.baseModel ?? "");
  const baseName = baseModel ?? (options.localNames.includes(folderName) ? "a-local-model" : folderName);
  const names = await filesOf(folder);
  const companions = names.filter((name) => companion.test(name));
  const card = modelCard({
    base: { id: baseModel, name: baseName, sha256: adapter.base?.sha256 },
    settings: { ...adapter.settings, targetModules: await targetModules(folder, adapter.settings.targetModules) },
    modules: adapter.settings.targetModules.length,
    parameters: [...adapter.tensors.values()].reduce((sum, { values }) => sum + values.length, 0),
    training: {
      ...(adapter.quantization === null ? {} : { quantization: adapter.quantization }),
      ...templateFacts(adapter.templateKwargs),
    },
    companions,
    publishedAs: options.publishedAs,
    report: { ...options.report, adapterStep: adapter.best?.step },
  });
  const files = new Map<string, Uint8Array | URL>([[readme, Buffer.from(card)]]);
  files.set(adapterConfigFile, await cleanJson(join(folder, adapterConfigFile), { base_model_name_or_path: baseName }));
  if (adapter.base !== null)
    files.set(
      baseRecordFile,
      Buffer.from(baseRecordText({ ...adapter.base, id: baseModel ?? null }, adapter.templateKwargs, adapter.best)),
    );
  for (const name of companions) {
    const path = join(folder, name);
    files.set(name, name.endsWith("_config.json") ? await cleanJson(path, {}) : await readFile(path));
  }
  refuseSecrets(files, options.secrets);
  files.set(adapterWeightsFile, pathToFileURL(join(folder, adapterWeightsFile)));
  return { files, omitted: names.filter((name) => !own.has(name) && !companion.test(name)), baseModel };
}

/** As written in the run file, rather than the path of every module. */
async function targetModules(
  folder: string,
  paths: LoraSettings["targetModules"],
): Promise<LoraSettings["targetModules"]> {
  const { target_modules: names } = await readJsonObject(join(folder, adapterConfigFile));
  return Array.isArray(names) && names.every((name) => typeof name === "string") ? names : paths;
}

async function filesOf(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(folder.length + 1)
          .split(sep)
          .join("/"),
      )
      .sort();
  } catch (error) {
    throw storageTrouble(error, folder);
  }
}

/** transformers records where a model or tokenizer was loaded from: a path means nothing elsewhere. */
async function cleanJson(path: string, replaced: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const bytes = await readFile(path);
  const value: unknown = JSON.parse(bytes.toString());
  if (typeof value !== "object" || value === null || Array.isArray(value)) return bytes;
  const isPath = (text: unknown): boolean => typeof text === "string" && /^(?:[\\/~.]|[A-Za-z]:[\\/])/.test(text);
  const found = Object.entries(value).filter(
    ([key, text]) => key in replaced || (key.endsWith("name_or_path") && isPath(text)),
  );
  if (found.length === 0) return bytes;
  const cleaned = found.map(([key, text]) => [key, replaced[key] ?? basename(String(text))]);
  return Buffer.from(`${JSON.stringify({ ...value, ...(Object.fromEntries(cleaned) as object) }, undefined, 2)}\n`);
}

/** Not in a vocabulary, in which any text may be a token. */
const vocabulary =
  /^(?:tokenizer\.json|added_tokens\.json|special_tokens_map\.json|tokenizer\.model|vocab\.json|merges\.txt)$/;

function refuseSecrets(files: ReadonlyMap<string, Uint8Array | URL>, secrets: readonly Secret[]): void {
  for (const [name, content] of files) {
    if (content instanceof URL || vocabulary.test(name)) continue;
    const text = Buffer.from(content).toString();
    const found = secrets.find((secret) => text.includes(secret.text) || text.includes(escaped(secret.text)));
    if (found === undefined) continue;
    throw new CoxswainError("config", `${name} of the adapter contains ${found.what}: nothing was published`, {
      hint: `Remove it from the file, and push again.`,
    });
  }
}

/** As in JSON: a path of Windows has its backslashes doubled. */
const escaped = (text: string): string => JSON.stringify(text).slice(1, -1);
