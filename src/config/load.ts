/**
 * Loads a run file into a `RunConfig`: reads it, applies overrides, validates, checks and makes paths absolute. One
 * error lists all problems.
 */
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { isOpenedByShell, refuseSpecialFile } from "../regular-file.js";
import { check } from "./check.js";
import { foreignFile } from "./foreign-file.js";
import { defaultOf, dotted, schemaAt, type KeyPath } from "./keys.js";
import { overlay, type Override, type ValueOverride } from "./overrides.js";
import { resolvePaths } from "./paths.js";
import { plainValues } from "./plain-values.js";
import { toConfigError, type Locate, type Place, type Problem } from "./problems.js";
import type { RunConfig } from "./schema.js";
import { readSource, type Source } from "./source.js";
import { isResolvedText } from "./serialize.js";
import { validate, valueAt } from "./validate.js";

/** A run that has been read and checked. */
export interface LoadedRun {
  /** Every default applied, every path absolute. */
  readonly config: RunConfig;
  /** What messages call it: the run file's path as it was given, or "the run". */
  readonly name: string;
  /** The run file, absolute; undefined where the run was given as an object. */
  readonly path: string | undefined;
  /** The base of relative paths, absolute: the run file's folder. */
  readonly directory: string;
  /**
   * Whether the user set a dotted key, in the file or by a flag. Defaults that Coxswain wrote into `resolved.yaml` do
   * not count.
   */
  readonly isGiven: (key: string) => boolean;
}

/**
 * Reads a run file.
 * @param path the run file, relative to the working directory
 * @param overrides `key=value` of each `--set`, and flags that stand for a key; a value is YAML. Later ones win.
 *   Relative paths in them are relative to the run file, as in the file.
 * @param environment `COXSWAIN_TOKEN` sets `cluster.token` (overrides the file, overridden by `--set`; ignored if
 * empty); `COXSWAIN_NATS_PASSWORD` and `COXSWAIN_NATS_TOKEN` set those of `telemetry.nats` if it is a section.
 * @throws CoxswainError "config" that lists every problem with its line or flag
 */
export async function loadRun(
  path: string,
  overrides: readonly (Override | ValueOverride)[] = [],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<LoadedRun> {
  const text = await readYamlFile(path);
  const { config, isGiven } = readRun(text, path, overrides, environment);
  const absolute = resolve(path);
  const directory = dirname(absolute);
  return { config: resolvePaths(config, directory, existsSync), name: path, path: absolute, directory, isGiven };
}

const runFile = "A run file";

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

/** What a run is called in messages that was given as an object. */
const objectName = "the run";

/**
 * Reads a run that a program gives as an object with the keys of a run file. The environment's secrets are not looked at:
 * a program gives its own.
 * @param directory absolute; relative paths are relative to it
 * @throws CoxswainError "config" that lists every problem with its key
 */
export function loadRunObject(object: unknown, directory: string, overrides: readonly ValueOverride[] = []): LoadedRun {
  const { values, problems } = plainValues(object);
  const readable = problems.every(({ path }) => path.length > 0);
  const source: Source = { values, problems, lineOf: () => undefined, readable };
  const { config, isGiven } = settle(source, { name: objectName, resolved: false }, overrides, {});
  return {
    config: resolvePaths(config, directory, existsSync),
    name: objectName,
    path: undefined,
    directory,
    isGiven,
  };
}

/** Parses the text of a run file, leaving paths as written. See `loadRun`; `file` is for messages. */
export function parseRun(
  text: string,
  file: string,
  overrides: readonly Override[] = [],
  environment: Readonly<Record<string, string | undefined>> = {},
): RunConfig {
  return readRun(text, file, overrides, environment).config;
}

function readRun(
  text: string,
  file: string,
  overrides: readonly (Override | ValueOverride)[],
  environment: Readonly<Record<string, string | undefined>>,
): Pick<LoadedRun, "config" | "isGiven"> {
  return settle(readSource(text, file), { name: file, resolved: isResolvedText(text) }, overrides, environment);
}

/** @param origin how messages name it, and whether Coxswain wrote it */
function settle(
  source: Source,
  { name: file, resolved }: { readonly name: string; readonly resolved: boolean },
  overrides: readonly (Override | ValueOverride)[],
  environment: Readonly<Record<string, string | undefined>>,
): Pick<LoadedRun, "config" | "isGiven"> {
  if (!source.readable) throw toConfigError(source.problems, file, () => ({ from: "file", file }));

  const { values, places, problems: settingProblems } = overlay(source.values, overrides);
  const known = new Map(places);
  applyEnvironment(values, known, environment);
  const locate = locator(source, file, known);

  const { config, problems: schemaProblems } = validate(values);
  const unreadable = new Set(source.problems.flatMap(({ path, place }) => (place === undefined ? [dotted(path)] : [])));
  const judged = schemaProblems.filter(({ path }) => !unreadable.has(dotted(path)));
  const problems: Problem[] = [...source.problems, ...settingProblems, ...judged];
  if (config !== undefined) problems.push(...contradictions(config, problems));
  if (problems.length > 0 || config === undefined) throw toConfigError(problems, file, locate);
  const isGiven = (key: string): boolean => {
    const path = key.split(".");
    const value = valueAt(values, path);
    if (value === undefined) return false;
    if (path.some((_, index) => known.has(dotted(path.slice(0, index + 1))))) return true;
    const schema = resolved ? schemaAt(path) : undefined;
    return schema === undefined || defaultOf(schema) !== JSON.stringify(value);
  };
  return { config, isGiven };
}

/**
 * The text of a YAML file.
 * @param what names it in a hint: "A run file"
 * @throws CoxswainError "config" if it cannot be read, or is not text
 */
export async function readYamlFile(path: string, what = runFile): Promise<string> {
  if (!isOpenedByShell(path)) await refuseSpecialFile(path, "config");
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw unreadable(path, error, what);
  }
  const foreign = foreignFile(path, bytes);
  if (foreign !== undefined) throw foreign;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CoxswainError("config", `${path}: is not UTF-8 text`, {
      hint: `${what} must be YAML in UTF-8.`,
      cause: error,
    });
  }
}

function unreadable(path: string, error: unknown, what: string): CoxswainError {
  const code = systemCodeOf(error);
  if (code === "ENOENT") {
    return new CoxswainError("config", `${path}: no such file`, {
      hint: `Give the path of ${lowerFirst(what)}${what === runFile ? ", as in `coxswain train run.yaml`" : ""}.`,
      cause: error,
    });
  }
  if (code === "EISDIR") {
    return new CoxswainError("config", `${path}: is a folder, not ${lowerFirst(what)}`, {
      hint: whichFile(path),
      cause: error,
    });
  }
  return new CoxswainError("config", `${path}: cannot be read (${code ?? messageOf(error)})`, {
    hint: "Check the path and the file's permissions.",
    cause: error,
  });
}

/** Empty for a folder that may not be listed. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    return [];
  }
}

/** Names only a file that is there: `run.yaml`, or the only YAML file, such as `resolved.yaml` of an output folder. */
function whichFile(folder: string): string {
  const files = namesIn(folder).filter((name) => /\.ya?ml$/.test(name));
  const file = files.includes("run.yaml") ? "run.yaml" : files.length === 1 ? files[0] : undefined;
  return file === undefined
    ? "Give the path of a run file, as in `coxswain train run.yaml`."
    : `Give the path of the file in it: ${join(folder, file)}`;
}

/** Secrets from the environment. For an optional section, a secret alone does not create the section. */
const secretVariables = [
  { variable: "COXSWAIN_TOKEN", section: ["cluster"], key: "token", optional: false },
  { variable: "COXSWAIN_NATS_PASSWORD", section: ["telemetry", "nats"], key: "password", optional: true },
  { variable: "COXSWAIN_NATS_TOKEN", section: ["telemetry", "nats"], key: "token", optional: true },
] as const;

function applyEnvironment(
  values: Record<string, unknown>,
  places: Map<string, Place>,
  environment: Readonly<Record<string, string | undefined>>,
): void {
  for (const { variable, section, key, optional } of secretVariables) {
    const secret = environment[variable] ?? "";
    const path = [...section, key];
    if (secret === "" || path.some((_, index) => isSetByFlag(places, dotted(path.slice(0, index + 1))))) continue;
    const parent = sectionAt(values, section, !optional);
    if (parent === undefined) continue;
    parent[key] = secret;
    places.set(dotted(path), { from: "environment", variable, key: dotted(path) });
  }
}

/** A flag for a key of a section does not set the section itself. */
function isSetByFlag(places: ReadonlyMap<string, Place>, path: string): boolean {
  const place = places.get(path);
  return place?.from === "flag" && place.key === path;
}

/** @returns undefined if there is none; the schema reports a value that is not a section */
function sectionAt(
  values: Record<string, unknown>,
  path: readonly string[],
  make: boolean,
): Record<string, unknown> | undefined {
  let section = values;
  for (const key of path) {
    const present = section[key] ?? (make ? {} : undefined);
    if (typeof present !== "object" || Array.isArray(present)) return undefined;
    section = section[key] = present as Record<string, unknown>;
  }
  return section;
}

/** Locates a key: its override, otherwise its line in the file or that of its section. */
function locator(source: Source, file: string, places: ReadonlyMap<string, Place>): Locate {
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const place = places.get(dotted(path.slice(0, length)));
      if (place !== undefined) return place;
    }
    const line = source.lineOf(path);
    return line === undefined ? { from: "file", file } : { from: "file", file, line };
  };
}

/** Contradictions among keys that are valid individually. */
function contradictions(config: RunConfig, problems: readonly Problem[]): Problem[] {
  const wrong = new Set(problems.map(({ path }) => dotted(path)));
  const isWrong = (key: KeyPath): boolean => key.some((_, index) => wrong.has(dotted(key.slice(0, index + 1))));
  return check(config)
    .filter(({ keys }) => !keys.some(isWrong))
    .map(({ keys, message }) => ({ path: keys[0], message }));
}
