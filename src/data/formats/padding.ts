/**
 * Columnar formats (Parquet, Arrow) give all objects of a column the same keys, and pad the absent ones with null, as
 * does JSON that was written from them. Where there is such padding, every null in an object is dropped, at every depth,
 * as TRL's `remove_none_values` does; without it a null is the author's own, and kept:
 *
 * - tools are padded if a keyword of JSON schema that cannot be null is null (`"enum": null`), or a property is
 *   (`"properties": {"city": null}`). So `"default": null` is kept in a schema written by hand.
 * - calls are padded if every message of the conversation has the key `tool_calls`, as the rows of a table have. So
 *   `"arguments": {"unit": null}` is kept in a conversation written by hand.
 *
 * Elements of a list, such as `"enum": [null]`, are always kept, since no format pads them, and so is JSON text inside a
 * string. Pure.
 */
import { PyFloat } from "../../jinja/index.js";
import type { Fields } from "./fields.js";

/** Keys of a tool and keywords of JSON schema that have no meaning if they are null. */
const neverNull: ReadonlySet<string> = new Set(
  (
    "type function name description parameters strict title properties required items enum format pattern anyOf oneOf " +
    "allOf not additionalProperties minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength " +
    "minItems maxItems uniqueItems prefixItems $ref $defs definitions patternProperties return response nullable"
  ).split(" "),
);
/** Keywords whose value is an instance, in which null is a value. */
const instances: ReadonlySet<string> = new Set(["default", "const", "enum", "example", "examples"]);
/** Keywords whose value maps names to schemas. */
const maps: ReadonlySet<string> = new Set(["properties", "patternProperties", "$defs", "definitions"]);

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof PyFloat);

/** @param namesSchemas whether the keys of `value` are names of schemas, rather than keywords */
function isPadded(value: unknown, namesSchemas: boolean): boolean {
  if (Array.isArray(value)) return value.some((item) => isPadded(item, false));
  if (!isObject(value)) return false;
  return Object.entries(value).some(([key, member]) => {
    if (member === null) return namesSchemas || neverNull.has(key);
    if (!namesSchemas && instances.has(key)) return false;
    return isPadded(member, !namesSchemas && maps.has(key));
  });
}

/** Without the members that are null, at every depth. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => (member === null ? [] : [[key, withoutNulls(member)]])),
  );
}

/** Schemas of tools without padding. */
export const unpaddedTools = (tools: readonly unknown[]): readonly unknown[] =>
  isPadded(tools, false) ? (withoutNulls(tools) as readonly unknown[]) : tools;

/** Whether all messages have a place for calls, as rows of a table have. */
export const isTable = (messages: readonly unknown[]): boolean =>
  messages.length > 1 && messages.every((message) => isObject(message) && Object.hasOwn(message, "tool_calls"));

/**
 * Calls without padding; null as `id`, `type` or `function` is always dropped, and null as `arguments` kept.
 * @param table as of `isTable`
 */
export const unpaddedCalls = (calls: readonly unknown[], table: boolean): readonly unknown[] =>
  calls.map((call) => unpaddedCall(call, table));

function unpaddedCall(call: unknown, table: boolean): unknown {
  if (!isObject(call)) return call;
  const members = Object.entries(call).flatMap(([key, member]): [string, unknown][] => {
    if (key === "arguments") return [[key, table ? withoutNulls(member) : member]];
    if (member === null) return [];
    if (key === "function") return [[key, unpaddedCall(member, table)]];
    return [[key, table ? withoutNulls(member) : member]];
  });
  return Object.fromEntries(members);
}
