/** Settings from outside the file: `--set key=value`, flags for single keys, and the environment. */
import { isScalar, parseDocument } from "yaml";
import { dotted, isAddress, kindOf, schemaAt } from "./keys.js";
import type { Place, Problem } from "./problems.js";
import { unknownKeyMessage } from "./unknown-key.js";

/** A dedicated flag for one key: `--workers 3` is `{ flag: "--workers", key: "workers", value: "3" }`. */
export interface FlagOverride {
  readonly flag: string;
  readonly key: string;
  readonly value: string;
}

/** Overrides a key's value. Text is `key=value` of a `--set`. Later ones win. */
export type Override = string | FlagOverride;

/** A value that a program gives in place of a key's; or why there can be no such value. */
export type ValueOverride = { readonly path: readonly string[] } & (
  { readonly data: unknown } | { readonly message: string }
);

/** Values with overrides applied, and the origin of each. */
export interface Overlaid {
  readonly values: Record<string, unknown>;
  /** By dotted key, including sections created by overrides. */
  readonly places: ReadonlyMap<string, Place>;
  readonly problems: readonly Problem[];
}

/** Applies overrides to a copy of the file's values. */
export function overlay(
  fileValues: Readonly<Record<string, unknown>>,
  overrides: readonly (Override | ValueOverride)[],
): Overlaid {
  const values = structuredClone(fileValues) as Record<string, unknown>;
  const places = new Map<string, Place>();
  const problems: Problem[] = [];
  for (const override of overrides) {
    const setting = settingOf(override);
    const place: Place = { from: "flag", flag: setting.flag, key: dotted(setting.path) };
    const problem = "message" in setting ? setting.message : unknownKey(setting.path);
    if (problem !== undefined) {
      problems.push({ path: setting.path, message: problem, place });
      continue;
    }
    if ("data" in setting) put(values, setting.path, setting.data, place, places);
    if (!("value" in setting)) continue;
    const parsed = valueOf(setting.path, setting.value, typeof override !== "string");
    if ("message" in parsed) problems.push({ path: setting.path, message: parsed.message, place });
    else put(values, setting.path, parsed.value, place, places);
  }
  return { values, places, problems };
}

type Setting = { readonly flag: string; readonly path: readonly string[] } & (
  { readonly value: string } | { readonly data: unknown } | { readonly message: string }
);

function settingOf(override: Override | ValueOverride): Setting {
  if (typeof override === "string") return splitSetting(override);
  return "key" in override
    ? { ...override, path: override.key.split(".") }
    : { ...override, flag: `overrides: ${dotted(override.path)}` };
}

function splitSetting(text: string): Setting {
  const equals = text.indexOf("=");
  const key = (equals < 0 ? text : text.slice(0, equals)).trim();
  const path = key.split(".");
  const flag = `--set ${key}`;
  if (equals < 0) return { flag, path, message: "expected key=value, as in --set training.learning_rate=1e-4" };
  if (path.includes("")) return { flag, path, message: "expected a dotted key, as in training.learning_rate" };
  return { flag, path, value: text.slice(equals + 1) };
}

/** Why a dotted key cannot be set, or undefined. */
function unknownKey(path: readonly string[]): string | undefined {
  for (let length = 1; length <= path.length; length++) {
    const parent = path.slice(0, length - 1);
    const section = schemaAt(parent);
    if (section !== undefined && kindOf(section) === "value")
      return `${dotted(parent)} is not a section and has no keys`;
    if (schemaAt(path.slice(0, length)) === undefined) return unknownKeyMessage(parent, path[length - 1] ?? "");
  }
  return undefined;
}

/** @param bare the value of a dedicated flag: addresses are then not parsed as YAML */
function valueOf(path: readonly string[], text: string, bare: boolean): ReturnType<typeof parseValue> {
  if (!isAddress(path)) return parseValue(text);
  if (bare) return { value: text };
  const parsed = parseValue(text);
  // [::1]:7070 is not YAML, [::1] is a list and 7070 a number: treat it as an address.
  const isPlain = "value" in parsed && (typeof parsed.value === "string" || parsed.value === null);
  return isPlain ? parsed : { value: text.trim() };
}

function parseValue(text: string): { readonly value: unknown } | { readonly message: string } {
  const document = parseDocument(text, { prettyErrors: false });
  const error = document.errors[0] ?? document.warnings[0];
  if (error === undefined) {
    try {
      return { value: document.toJS() as unknown };
    } catch {
      return { message: "the value contains an undefined alias; put it in quotes" };
    }
  }
  if (error.code === "DUPLICATE_KEY") return { message: "the value sets a key twice" };
  const reason = isScalar(document.contents) ? "cannot be read as a YAML value" : "is not a complete YAML value";
  return { message: `the value ${reason}; quote it for the shell and for YAML: '"…"'` };
}

function put(
  values: Record<string, unknown>,
  path: readonly string[],
  value: unknown,
  place: Place,
  places: Map<string, Place>,
): void {
  let section = values;
  path.forEach((key, index) => {
    const last = index === path.length - 1;
    const present = Object.hasOwn(section, key) ? section[key] : undefined;
    const prefix = dotted(path.slice(0, index + 1));
    if (!last && isSection(present)) {
      section = present;
      return;
    }
    const next: Record<string, unknown> = {};
    // defineProperty, because a free key may be named `__proto__`.
    Object.defineProperty(section, key, {
      value: last ? value : next,
      writable: true,
      enumerable: true,
      configurable: true,
    });
    places.set(prefix, place);
    if (last) for (const known of places.keys()) if (known.startsWith(`${prefix}.`)) places.delete(known);
    section = next;
  });
}

const isSection = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
