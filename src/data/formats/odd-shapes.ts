/**
 * Data that programs write in another arrangement than one example per object: whole columns, lists without a key, JSON
 * within JSON. Says what it is, and the command that arranges it. Pure.
 */
import { CoxswainError } from "../../errors.js";
import { jsonKey, parseJson, plainNumber } from "../../jinja/index.js";
import { convertedName } from "../converted-name.js";
import { isObject } from "../json-object.js";
import type { Fields } from "./fields.js";

/** "train.json" of "train.json:1", "train.json: item 1" and "train.parquet: row group 1, row 1". */
export const fileOf = (where: string): string => where.replace(/(:\d+|: item \d+|: row group .*)$/, "");

function rearranged(where: string, what: string, how: string): CoxswainError {
  return new CoxswainError("data", `${where}: ${what}`, { hint: how });
}

const jq = (where: string, filter: string): string =>
  `jq -c '${filter}' '${fileOf(where)}' > '${convertedName(fileOf(where))}'`;

const records =
  "Write one example per line. With pandas: df.to_json('train.jsonl', orient='records', lines=True), which differs from " +
  "its default.";

const isPlain = (given: unknown): boolean => {
  const value = plainNumber(given);
  return value === null || typeof value !== "object";
};

const isColumn = (value: unknown): value is readonly unknown[] =>
  Array.isArray(value) && value.length > 0 && value.every(isPlain);

const isIndexed = (value: unknown): value is object =>
  isObject(value) &&
  Object.keys(value).length > 0 &&
  Object.keys(value).every((key, index) => jsonKey(key) === String(index));

/** The error for an object that holds a whole table, or all examples under names; undefined for any other. */
export function wholeTable(fields: Fields, where: string): CoxswainError | undefined {
  const values = Object.values(fields);
  const [first] = values;
  const table = (): CoxswainError => rearranged(where, "this object is a whole table, not one example", records);
  if (["columns", "index", "data"].every((key) => Array.isArray(fields[key]))) return table();
  if (values.length > 0 && values.every(isIndexed)) return table();
  if (isColumn(first) && values.every((value) => isColumn(value) && value.length === first.length)) return table();
  const isMap = values.length > 1 && values.every((value) => isObject(value) && sameKeys(value, first));
  if (!isMap) return undefined;
  const how = `Write one example per line: ${jq(where, ".[]")}`;
  return rearranged(where, "this object holds several examples, each under a name", how);
}

const sameKeys = (value: object, first: unknown): boolean =>
  isObject(first) && Object.keys(value).join() === Object.keys(first).join();

/** A message that is an example of its own. */
export function loneMessage(fields: Fields, where: string): CoxswainError | undefined {
  const pair = [
    ["role", "content", "messages"],
    ["from", "value", "conversations"],
  ].find(([name = "", text = ""]) => typeof fields[name] === "string" && Object.hasOwn(fields, text));
  const key = pair?.[2];
  if (key === undefined || Object.keys(fields).length > 3) return undefined;
  return rearranged(
    where,
    "this is one message, not a conversation",
    `Write the messages of a conversation as one example: {"${key}": [...]}. If each line is the list of one: ${jq(where, `{${key}: .}`)}`,
  );
}

/** The error for an example that is no object, where there is a way to make it one. */
export function notAnObject(value: unknown, where: string): CoxswainError | undefined {
  const perItem = where.includes(": item ") ? ".[] | " : "";
  if (typeof value === "string") {
    const isJson = isJsonObject(value);
    const what = isJson
      ? "the example is JSON within a JSON string: it was encoded twice"
      : "the example is a string; expected a JSON object";
    const filter = isJson ? `${perItem}fromjson` : `${perItem}{text: .}`;
    return rearranged(where, what, `Write ${isJson ? "the object itself" : "it under a key"}: ${jq(where, filter)}`);
  }
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const what = "the example is a list; expected a JSON object";
  if (value.every(isObject))
    return rearranged(where, what, `If it is a conversation: ${jq(where, `${perItem}{messages: .}`)}`);
  if (value.length !== 2 || !value.every((each) => typeof each === "string")) return undefined;
  const filter = `${perItem}{prompt: .[0], completion: .[1]}`;
  return rearranged(where, what, `If it is a question and its answer: ${jq(where, filter)}`);
}

function isJsonObject(text: string): boolean {
  if (!text.trimStart().startsWith("{")) return false;
  try {
    return isObject(parseJson(text));
  } catch {
    return false;
  }
}

/** The columns of a format whose keys are spelt with other capitals, or with spaces around them. */
export function respelt(fields: Fields, keys: readonly string[]): Readonly<Record<string, string>> | undefined {
  const found = keys.map(
    (key) => [key, Object.keys(fields).find((each) => each.trim().toLowerCase() === key)] as const,
  );
  const pairs = found.flatMap(([key, column]) => (column === undefined ? [] : [[key, column] as const]));
  return pairs.length === keys.length ? Object.fromEntries(pairs) : undefined;
}
