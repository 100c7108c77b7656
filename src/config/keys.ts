/** Describes the schema's keys: which exist, and in words what each accepts. Reads zod's types. */
import { z } from "zod";
import { keyDocs, type KeyDocs } from "./schema/docs.js";
import { runSchema } from "./schema.js";

/** Keys from the root, as in `["training", "learning_rate"]`. */
export type KeyPath = readonly (string | number)[];

export const dotted = (path: KeyPath): string => path.join(".");

/** What the schema says of a key beside its type. */
export function docsOf(path: KeyPath): KeyDocs | undefined {
  const schema = schemaAt(path);
  return schema === undefined ? undefined : keyDocs.get(schema);
}

/** Whether a key's value must never be shown, written or logged. */
export const isSecret = (path: KeyPath): boolean => docsOf(path)?.secret === true;

/** Whether a key takes an address, which need not be quoted on the command line. */
export const isAddress = (path: KeyPath): boolean => docsOf(path)?.address === true;

/** The type beneath defaults and `null`. */
function bare(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while (
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault ||
    inner instanceof z.ZodNullable ||
    inner instanceof z.ZodOptional
  ) {
    inner = inner.unwrap();
  }
  return inner;
}

function isNullable(schema: z.core.$ZodType): boolean {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) inner = inner.unwrap();
  return inner instanceof z.ZodNullable;
}

/** The schema of a key, or undefined if there is no such key. List elements and free keys count as keys. */
export function schemaAt(path: KeyPath): z.core.$ZodType | undefined {
  let schema: z.core.$ZodType = runSchema;
  for (const key of path) {
    const section = bare(schema);
    let next: z.core.$ZodType | undefined;
    if (section instanceof z.ZodObject) {
      const shape: Readonly<Record<string, z.core.$ZodType>> = section.shape;
      next = Object.hasOwn(shape, key) ? shape[key] : undefined;
    } else if (section instanceof z.ZodRecord) next = section.valueType;
    else if (typeof key === "number") next = elementOf(section);
    else if (section instanceof z.ZodUnion) next = fieldOf(section, key);
    if (next === undefined) return undefined;
    schema = next;
  }
  return schema;
}

/** The elements of a list, or of the list that is one of several choices. */
function elementOf(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodArray) return schema.element;
  if (!(schema instanceof z.ZodUnion)) return undefined;
  return schema.options.map((option) => elementOf(bare(option))).find((element) => element !== undefined);
}

/** A key of the object that is one of several choices. */
function fieldOf(union: z.ZodUnion, key: string): z.core.$ZodType | undefined {
  for (const option of union.options) {
    const choice = bare(option);
    if (choice instanceof z.ZodUnion) {
      const field = fieldOf(choice, key);
      if (field !== undefined) return field;
    }
    if (choice instanceof z.ZodObject) {
      const shape: Readonly<Record<string, z.core.$ZodType>> = choice.shape;
      if (Object.hasOwn(shape, key)) return shape[key];
    }
  }
  return undefined;
}

/** Names of the keys of an object that is one of several choices. */
export function fieldNames(schema: z.core.$ZodType | undefined): readonly string[] {
  const inner = schema === undefined ? undefined : bare(schema);
  if (inner instanceof z.ZodUnion) return inner.options.flatMap((option) => fieldNames(option));
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

/** "fixed": a section whose keys are known; "free": one that takes any key; "value": not a section. */
export type KeyKind = "fixed" | "free" | "value";

export function kindOf(schema: z.core.$ZodType): KeyKind {
  const inner = bare(schema);
  if (inner instanceof z.ZodObject) return "fixed";
  return inner instanceof z.ZodRecord ? "free" : "value";
}

/** Whether an empty section (`training:` and nothing under it) may stand for "all defaults". */
export const allowsEmptySection = (schema: z.core.$ZodType): boolean =>
  kindOf(schema) !== "value" && !isNullable(schema);

/** Every dotted key of the run file, sections included, in the schema's order. */
export function allKeys(): readonly string[] {
  const keys: string[] = [];
  const visit = (schema: z.core.$ZodType, prefix: string): void => {
    const section = bare(schema);
    if (!(section instanceof z.ZodObject)) return;
    const shape: Readonly<Record<string, z.core.$ZodType>> = section.shape;
    for (const [name, child] of Object.entries(shape)) {
      keys.push(prefix + name);
      visit(child, `${prefix}${name}.`);
    }
  };
  visit(runSchema, "");
  return keys;
}

/** The allowed values of a choice; otherwise an empty list. */
export function choicesOf(schema: z.core.$ZodType): readonly string[] {
  const inner = bare(schema);
  return inner instanceof z.ZodEnum ? inner.options.map(String) : [];
}

/** Whether a dotted key takes numbers, and only whole ones; undefined: it takes none, or there is no such key. */
export function takesWholeNumbers(key: string): boolean | undefined {
  const schema = schemaAt(key.split("."));
  const inner = schema === undefined ? undefined : bare(schema);
  const choices = inner instanceof z.ZodUnion ? inner.options.map((option) => bare(option)) : [inner];
  const numbers = choices.filter((choice) => choice instanceof z.ZodNumber);
  return numbers.length === 0 ? undefined : numbers.every(({ format }) => format === "safeint");
}

/** What a key accepts, in words: "a whole number", "text or a list of texts", "true or false". */
export function describe(schema: z.core.$ZodType): string {
  const words = keyDocs.get(schema)?.accepts ?? keyDocs.get(bare(schema))?.accepts ?? describeBare(bare(schema));
  return isNullable(schema) ? `${words}, or null` : words;
}

function describeBare(schema: z.core.$ZodType): string {
  if (schema instanceof z.ZodUnion) return schema.options.map((option) => describe(option)).join(" or ");
  if (schema instanceof z.ZodArray) return `a list of ${schema.element instanceof z.ZodString ? "texts" : "values"}`;
  if (schema instanceof z.ZodEnum) return oneOf(schema.options.map(quote));
  if (schema instanceof z.ZodLiteral) return oneOf([...schema.values].map(quote));
  if (schema instanceof z.ZodBoolean) return "true or false";
  if (schema instanceof z.ZodString) return "text";
  if (schema instanceof z.ZodNumber) return schema.format === "safeint" ? "a whole number" : "a finite number";
  return "a section of keys";
}

const quote = (value: unknown): string => JSON.stringify(value);
const oneOf = (words: readonly string[]): string =>
  words.length === 1 ? words.join("") : `one of ${words.join(", ")}`;

/** `default 42` if a key has a default worth showing, otherwise undefined. */
export function defaultOf(schema: z.core.$ZodType): string | undefined {
  return schema instanceof z.ZodDefault ? JSON.stringify(schema.def.defaultValue) : undefined;
}
