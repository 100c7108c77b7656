/** Applies the schema to plain values and describes problems in words. Does not know files or flags. */
import type { z } from "zod";
import {
  allowsEmptySection,
  choicesOf,
  defaultOf,
  describe,
  docsOf,
  isSecret,
  schemaAt,
  type KeyPath,
} from "./keys.js";
import type { Problem } from "./problems.js";
import { runSchema, type RunConfig } from "./schema.js";
import { suggestChoice } from "./suggest.js";
import { unknownKeyMessage } from "./unknown-key.js";

export interface Validated {
  /**
   * The settings. If there are problems, the settings without the keys concerned, only for further checks; undefined if
   * that is impossible.
   */
  readonly config: RunConfig | undefined;
  readonly problems: readonly Problem[];
}

/** @param values plain values as read; not modified */
export function validate(values: Readonly<Record<string, unknown>>): Validated {
  const candidate = structuredClone(values) as Record<string, unknown>;
  fillEmptySections(candidate, []);
  let parsed = runSchema.safeParse(candidate);
  if (!parsed.success && numbersFromText(candidate, parsed.error.issues)) parsed = runSchema.safeParse(candidate);
  if (parsed.success) return { config: parsed.data, problems: [] };

  const problems = dropRepeats(parsed.error.issues.flatMap((issue) => toProblems(issue, candidate)));
  for (const { path } of problems) remove(candidate, path);
  const rest = runSchema.safeParse(withRequiredKeys(candidate));
  return { config: rest.success ? rest.data : undefined, problems };
}

/** Fills in missing or invalid required keys, so that their errors do not hide others. */
function withRequiredKeys(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const data = isSection(values["data"]) ? values["data"] : {};
  return { model: "unknown", output_dir: "unknown", ...values, data: { train: "unknown", ...data } };
}

/** Treats an empty section (`training:` with all keys commented out) as all defaults. */
function fillEmptySections(section: Record<string, unknown>, path: KeyPath): void {
  for (const [key, value] of Object.entries(section)) {
    const schema = schemaAt([...path, key]);
    if (schema === undefined) continue;
    if (value === null && allowsEmptySection(schema)) section[key] = {};
    else if (isSection(value)) fillEmptySections(value, [...path, key]);
  }
}

const plainNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Accepts numbers in quotes ("1e-4", as produced by templates or environment variables). */
function numbersFromText(values: Record<string, unknown>, issues: readonly z.core.$ZodIssue[]): boolean {
  let changed = false;
  for (const issue of issues.filter(isNumberExpected)) {
    const path = keyPath(issue.path);
    const text = valueAt(values, path);
    if (typeof text !== "string" || !plainNumber.test(text.trim())) continue;
    const parent = valueAt(values, path.slice(0, -1));
    const key = path.at(-1);
    if (!isSection(parent) || key === undefined) continue;
    parent[key] = Number(text);
    changed = true;
  }
  return changed;
}

/** Also where a number is one of several choices ("auto" or a number). */
function isNumberExpected(issue: z.core.$ZodIssue): boolean {
  if (issue.code === "invalid_union") return issue.errors.flat().some(isNumberExpected);
  return issue.code === "invalid_type" && (issue.expected === "number" || issue.expected === "int");
}

function toProblems(issue: z.core.$ZodIssue, values: Readonly<Record<string, unknown>>): Problem[] {
  const path = keyPath(issue.path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownKeyMessage(path, key) }));
  }
  const value = valueAt(values, path);
  const inner = chosenIssues(issue, value);
  if (inner !== undefined)
    return inner.flatMap((each) => toProblems({ ...each, path: [...issue.path, ...each.path] }, values));
  const schema = schemaAt(path);
  // Not expected: every issue is about a key of the schema, a free key or a list element.
  if (schema === undefined) return [{ path, message: issue.message }];
  if (value === undefined) return [{ path, message: "required, but missing" }];
  return [{ path, message: rangeMessage(rangeIssue(issue), path, value) ?? typeMessage(schema, path, value) }];
}

/** What is wrong with an object, or a list of some, that is one of several choices: the issues of that choice. */
function chosenIssues(issue: z.core.$ZodIssue, value: unknown): readonly z.core.$ZodIssue[] | undefined {
  if (issue.code !== "invalid_union") return undefined;
  if (!(isSection(value) || (Array.isArray(value) && value.some(isSection)))) return undefined;
  const isOfOtherType = (inner: z.core.$ZodIssue): boolean => inner.code === "invalid_type" && inner.path.length === 0;
  const choices = issue.errors.filter((issues) => !issues.some(isOfOtherType));
  const [only, ...others] = choices;
  return others.length > 0 ? undefined : only;
}

/** Where a key takes a number or something else (`"auto"`), the range is what is wrong with a number beyond it. */
function rangeIssue(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== "invalid_union") return issue;
  return issue.errors.flat().find((inner) => "origin" in inner && isNumeric(inner.origin)) ?? issue;
}

const isNumeric = (origin: string): boolean => origin === "number" || origin === "int";

function rangeMessage(issue: z.core.$ZodIssue, path: KeyPath, value: unknown): string | undefined {
  if (issue.code !== "too_small" && issue.code !== "too_big") return undefined;
  if (issue.origin === "string") return "must not be empty";
  if (issue.origin === "array") return "must not be an empty list";
  const docs = docsOf(path);
  if (issue.code === "too_small") {
    const words = issue.inclusive === false ? "more than" : "at least";
    return `must be ${words} ${issue.minimum}, not ${show(value, path)}${because(docs?.whyAtLeast)}`;
  }
  const words = issue.inclusive === false ? "less than" : "at most";
  return `must be ${words} ${issue.maximum}, not ${show(value, path)}${because(docs?.whyAtMost)}`;
}

const because = (reason: string | undefined): string => (reason === undefined ? "" : `: ${reason}`);

function typeMessage(schema: z.core.$ZodType, path: KeyPath, value: unknown): string {
  return `expected ${describe(schema)}, not ${show(value, path)}${advice(schema, value)}`;
}

/** The most likely cause, in brackets; empty if unknown. */
function advice(schema: z.core.$ZodType, value: unknown): string {
  const expected = describe(schema);
  if (typeof value === "string") {
    if (expected.startsWith("true or false")) {
      if (/^(yes|on|y|true)$/i.test(value)) return " (write true)";
      if (/^(no|off|n|false)$/i.test(value)) return " (write false)";
    }
    const quoted = [...expected.matchAll(/"([^"]+)"/g)].map(([, choice = ""]) => choice);
    const choice = suggestChoice(value, quoted);
    if (choice !== undefined) return ` (did you mean "${choice}"?)`;
    const takesList = expected.includes("a list of texts") && !expected.startsWith("text");
    return takesList && value.trim() !== ""
      ? ` (write [${value
          .split(/[\s,]+/)
          .filter(Boolean)
          .join(", ")}])`
      : "";
  }
  if (value === null) {
    const fallback = defaultOf(schema);
    return fallback === undefined ? "" : ` (omit the key for its default, ${fallback})`;
  }
  const takesText = expected.startsWith("text") || choicesOf(schema).length > 0;
  return takesText && (typeof value === "number" || typeof value === "boolean") ? " (put it in quotes)" : "";
}

/** A value as the user would write it; truncated if long, and never a secret. */
function show(value: unknown, path: KeyPath): string {
  if (isSecret(path)) return `a ${value === null ? "null" : typeof value}`;
  if (typeof value === "number") return String(value);
  if (value !== null && typeof value === "object")
    return Array.isArray(value) ? cut(JSON.stringify(value)) : "a section of keys";
  return cut(JSON.stringify(value));
}

const cut = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}...` : text);

/** Keeps one problem per key. */
function dropRepeats(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ path }) => {
    const key = JSON.stringify(path);
    return !seen.has(key) && seen.add(key);
  });
}

const keyPath = (path: readonly PropertyKey[]): KeyPath =>
  path.map((key) => (typeof key === "number" ? key : String(key)));

/** Undefined if there is no such key. */
export function valueAt(values: unknown, path: KeyPath): unknown {
  let value = values;
  for (const key of path) {
    if (Array.isArray(value) && typeof key === "number") value = value[key] as unknown;
    else if (isSection(value) && Object.hasOwn(value, key)) value = value[key];
    else return undefined;
  }
  return value;
}

function remove(values: Record<string, unknown>, path: KeyPath): void {
  const parent = valueAt(values, path.slice(0, -1));
  const key = path.at(-1);
  if (isSection(parent) && key !== undefined) Reflect.deleteProperty(parent, key);
}

const isSection = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
