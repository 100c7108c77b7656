/**
 * The settings of runs by their dotted keys, from `resolved.yaml`, and those that differ. The file is read as it is: a run
 * of another release may have keys that this one does not know.
 */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { resolvedPath } from "../../config/index.js";

/** By dotted keys, in the file's order. Lists are values. */
export type Settings = ReadonlyMap<string, unknown>;

export interface DifferingSetting {
  readonly key: string;
  /** In the order of the runs; undefined: the run does not have the key. */
  readonly values: readonly unknown[];
}

/** They differ between any two runs. */
const passedOver: ReadonlySet<string> = new Set(["output_dir"]);

/** @returns undefined if there are none, or the file is damaged */
export function readSettings(outputDir: string): Settings | undefined {
  const path = resolvedPath(outputDir);
  if (path === undefined) return undefined;
  try {
    const settings: unknown = parse(readFileSync(path, "utf8"));
    return isSection(settings) ? flattened(settings) : undefined;
  } catch {
    return undefined;
  }
}

export function flattened(section: object, prefix = ""): Settings {
  return new Map(
    Object.entries(section).flatMap(([name, value]): [string, unknown][] => {
      const key = `${prefix}${name}`;
      return isSection(value) && Object.keys(value).length > 0 ? [...flattened(value, `${key}.`)] : [[key, value]];
    }),
  );
}

/** Runs whose settings are unknown do not count. */
export function differingSettings(runs: readonly (Settings | undefined)[]): readonly DifferingSetting[] {
  const known = runs.filter((settings) => settings !== undefined);
  const keys = [...new Set(known.flatMap((settings) => [...settings.keys()]))];
  const grouped = keys.filter((key) => !passedOver.has(key) && !isParent(key, keys));
  return grouped
    .filter((key) => new Set(known.map((settings) => JSON.stringify(valueOf(settings, key)))).size > 1)
    .map((key) => ({ key, values: runs.map((settings) => settings && valueOf(settings, key)) }));
}

/** `telemetry.nats`, null in one run, is shown by the keys that it has in another. */
const isParent = (key: string, keys: readonly string[]): boolean => keys.some((other) => other.startsWith(`${key}.`));

/** Of a key whose section is null: null. */
function valueOf(settings: Settings, key: string): unknown {
  if (settings.has(key)) return settings.get(key);
  const parents = key.split(".").map((_, index, parts) => parts.slice(0, index).join("."));
  return parents.some((parent) => settings.has(parent)) ? null : undefined;
}

const isSection = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
