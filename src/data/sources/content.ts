/**
 * The content of an example as a number: of the keys that formats read, whatever their order, without nulls, before
 * anything is rendered. The same example in JSONL, CSV or Parquet has the same one. Pure.
 */
import { createHash } from "node:crypto";
import { exampleKeys } from "../../config/index.js";
import { jsonKey, plainNumber } from "../../jinja/index.js";
import { isObject } from "../json-object.js";

/** 2^48: a content number is below it. */
export const contentRange = 2 ** 48;

const keys: ReadonlySet<string> = new Set(exampleKeys);

/** The first 48 bits of the SHA-256 of the example's canonical JSON. */
export function contentNumber(value: unknown): number {
  const text = isObject(value) ? canonicalObject(value, (key) => keys.has(key)) : canonical(value);
  return createHash("sha256").update(text).digest().readUIntBE(0, 6);
}

function canonical(given: unknown): string {
  if (typeof given === "bigint") return given.toString();
  const value = plainNumber(given);
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  return canonicalObject(value, () => true);
}

function canonicalObject(value: object, isUsed: (key: string) => boolean): string {
  const members = Object.entries(value)
    .map(([key, inner]) => [jsonKey(key), inner as unknown] as const)
    .filter(([key, inner]) => inner !== null && inner !== undefined && isUsed(key))
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${members.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(",")}}`;
}
