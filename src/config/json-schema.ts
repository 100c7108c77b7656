/**
 * The run file as JSON Schema, for editors: draft-07, which yaml-language-server reads. It accepts what the loader accepts
 * of each key by itself; what concerns several keys, and the form of addresses, only the loader checks. Pure.
 */
import { z } from "zod";
import type { KeyDocs } from "./schema/docs.js";
import { keyDocs } from "./schema/docs.js";
import { runSchema } from "./schema.js";

/** The keywords that the run file needs. */
export interface JsonSchema {
  $schema?: string;
  $id?: string;
  title?: string;
  /** Plain text. */
  description?: string;
  /** The same with `code` marked. */
  markdownDescription?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  pattern?: string;
  items?: JsonSchema;
  minItems?: number;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  default?: unknown;
  examples?: unknown[];
}

/** As zod writes it: each key with what `keyDocs` says of it. */
type Raw = JsonSchema & Partial<Omit<KeyDocs, "description" | "examples">>;

/** What is taken over as it is. */
const keywords: ReadonlySet<string> = new Set<keyof JsonSchema>([
  "type",
  "const",
  "enum",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "minLength",
  "minItems",
  "required",
]);

export function runJsonSchema(): JsonSchema {
  const raw = z.toJSONSchema(runSchema, { target: "draft-07", io: "input", metadata: keyDocs }) as Raw;
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    $id: "urn:coxswain:run-file",
    title: "Coxswain run file",
    ...tidy(raw),
  };
}

/** The text of `schema/run.schema.json`, and what `coxswain schema` prints. */
export const runJsonSchemaText = (): string => `${JSON.stringify(runJsonSchema(), null, 2)}\n`;

function tidy(raw: Raw): JsonSchema {
  const markdown = raw.description === undefined ? undefined : sentences({ ...raw, description: raw.description });
  return {
    ...(markdown === undefined ? {} : { description: markdown.replaceAll("`", ""), markdownDescription: markdown }),
    ...tidyType(raw),
    ...(raw.examples === undefined ? {} : { examples: raw.examples }),
  };
}

const sentences = (docs: Pick<KeyDocs, "description" | "unit" | "whenNull" | "huggingFace">): string =>
  [
    docs.description,
    docs.unit === undefined ? "" : `Unit: ${docs.unit}.`,
    docs.whenNull === undefined ? "" : `\`null\`: ${docs.whenNull}.`,
    docs.huggingFace === undefined ? "" : `Hugging Face: ${docs.huggingFace}.`,
  ]
    .filter((sentence) => sentence !== "")
    .join(" ");

function tidyType(raw: Raw): JsonSchema {
  const { anyOf, properties, items, additionalProperties, default: fallback } = raw;
  const whole: JsonSchema = {
    ...Object.fromEntries(Object.entries(raw).filter(([keyword]) => keywords.has(keyword))),
    ...(properties === undefined ? {} : { properties: mapValues(properties, tidy) }),
    ...(items === undefined ? {} : { items: tidy(items) }),
    ...(additionalProperties === undefined
      ? {}
      : { additionalProperties: typeof additionalProperties === "object" ? tidy(additionalProperties) : false }),
  };
  // yaml-language-server takes a default for one of the first type, and suggests no further key where text is null.
  if (Array.isArray(whole.type)) whole.type.sort(nullFirst);
  const type = anyOf === undefined ? positiveFromOne(whole) : united(whole, anyOf.map(tidy));
  // `training:` with nothing under it stands for all defaults; `{}` is no default to complete a section of known keys with.
  const isSection = type.type === "object" && isEmptyObject(fallback);
  if (isSection) type.type = ["object", "null"];
  return fallback === undefined || (isSection && properties !== undefined) ? type : { ...type, default: fallback };
}

/** Of whole numbers, "above 0" is "at least 1". */
function positiveFromOne(schema: JsonSchema): JsonSchema {
  if (schema.type !== "integer" || schema.exclusiveMinimum === undefined) return schema;
  const { exclusiveMinimum, ...rest } = schema;
  return { ...rest, minimum: exclusiveMinimum + 1 };
}

/**
 * `X or null`, `text or a list of texts` as one type with several names, which editors explain in fewer words than choices:
 * a keyword concerns the values of its own type alone. One word beside another type ("auto" or a number) is a pattern.
 */
function united(schema: JsonSchema, choices: readonly JsonSchema[]): JsonSchema {
  const types = choices.flatMap(({ type }) => type ?? []);
  // What is said of the key is said of all of its types.
  const words = ["description", "markdownDescription", "examples"];
  const parts = choices
    .map((choice): JsonSchema =>
      Object.fromEntries(Object.entries(choice).filter(([keyword]) => !words.includes(keyword))),
    )
    .map(({ const: word, ...choice }) => (typeof word === "string" ? { ...choice, pattern: `^${word}$` } : choice));
  const merged = Object.assign({}, schema, ...parts, { type: types.sort(nullFirst) }) as JsonSchema;
  return merged.enum === undefined ? merged : { ...merged, enum: [...merged.enum, null] };
}

const nullFirst = (one: string, other: string): number => Number(other === "null") - Number(one === "null");

const isEmptyObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

const mapValues = <From, To>(record: Readonly<Record<string, From>>, to: (value: From) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, to(value)]));
