/**
 * Renames the columns of an example to the keys of a format (`columns` of a source), and reads text of JSON in columns
 * whose keys are lists or objects: tables have nothing but text. Pure.
 */
import { CoxswainError } from "../../errors.js";
import { jsonKey } from "../../jinja/index.js";
import { parseExample } from "./json.js";
import type { ColumnNames } from "./selection.js";

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.getPrototypeOf(value) === Object.prototype;

/** Keys whose values are lists in every format. */
const lists = ["messages", "conversations", "input_ids", "labels", "attention_mask", "history"];
/** Keys of which formats take text of JSON, too. */
const texts = ["tools", "chat_template_kwargs"];

/** Keys without which an example is of no format. */
const essential = new Set([
  "messages",
  "conversations",
  "prompt",
  "completion",
  "instruction",
  "output",
  "text",
  "input_ids",
]);

export interface Renamed {
  readonly value: unknown;
  /** Mapped columns that this example does not have. */
  readonly absent: readonly string[];
}

/** "translation.en": a column of this name, else a key of an object in a column. */
function lookUp(
  fields: Fields,
  column: string,
): { readonly path: readonly string[]; readonly value: unknown } | undefined {
  if (Object.hasOwn(fields, column)) return { path: [column], value: fields[column] };
  for (let dot = column.indexOf("."); dot > 0; dot = column.indexOf(".", dot + 1)) {
    const outer = column.slice(0, dot);
    const inner = Object.hasOwn(fields, outer) ? fields[outer] : undefined;
    const found = isFields(inner) ? lookUp(inner, column.slice(dot + 1)) : undefined;
    if (found !== undefined) return { path: [outer, ...found.path], value: found.value };
  }
  return undefined;
}

/** Without the part at a path; without an object that has nothing else. */
function without(fields: Fields, [key, ...rest]: readonly string[]): Fields {
  if (key === undefined) return fields;
  const { [key]: inner, ...others } = fields;
  if (rest.length === 0 || !isFields(inner)) return others;
  const left = without(inner, rest);
  return Object.keys(left).length === 0 ? others : { ...fields, [key]: left };
}

/**
 * The example with the keys of a format in place of its columns; other columns stay, unless their names are taken.
 * @param isFirst of its source
 * @throws CoxswainError "data" that lists the columns, if the first example lacks one
 */
export function renamed(value: unknown, columns: ColumnNames, where: string, isFirst: boolean): Renamed {
  if (!isFields(value)) return { value, absent: [] };
  let rest: Fields = value;
  const found: [string, unknown][] = [];
  const absent: string[] = [];
  for (const [key, column] of Object.entries(columns)) {
    const part = lookUp(value, column);
    if (part === undefined) {
      if (isFirst && essential.has(key)) throw noColumn(where, key, column, value);
      absent.push(column);
      continue;
    }
    rest = without(rest, part.path);
    found.push([key, part.value]);
  }
  return { value: { ...rest, ...Object.fromEntries(found) }, absent };
}

export function noColumn(where: string, key: string, column: string, value: unknown): CoxswainError {
  const names = isFields(value) ? Object.keys(value).map(jsonKey).join(", ") : "none";
  return new CoxswainError(
    "data",
    `${where}: there is no column ${JSON.stringify(column)}; the columns are: ${names}`,
    {
      hint: `\`columns\` reads ${key} from it: correct the name.`,
    },
  );
}

const jsonText = /^\s*[[{]/;

/** Text of JSON where a list or an object is needed; a blank cell is no value. */
export function withStructures(file: string, value: unknown, where: string): unknown {
  if (!isFields(value)) return value;
  const changed: [string, unknown][] = [];
  for (const key of [...lists, ...texts]) {
    const text = Object.hasOwn(value, key) ? value[key] : undefined;
    if (typeof text !== "string") continue;
    if (text.trim() === "") changed.push([key, null]);
    else if (jsonText.test(text) && !texts.includes(key))
      changed.push([key, parseExample(file, text, `${where}: ${JSON.stringify(key)}`, "item")]);
  }
  return changed.length === 0 ? value : { ...value, ...Object.fromEntries(changed) };
}
