/**
 * JSON that wraps the list of examples in one object, as programs export it: {"data": [{...}, ...]}. Finds the key that
 * has the list. Pure.
 */
import { CoxswainError } from "../errors.js";

/** Keys of an example, whose lists are not lists of examples. */
const ofExamples = new Set(
  "messages conversation conversations tools functions history documents turns dialogue dialog chat contents".split(
    " ",
  ),
);

/** Keys of a turn: a list of such objects is a conversation. */
const ofTurns = new Set(["role", "from", "value", "content", "speaker", "user", "assistant"]);

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether a list under this key, whose first item has such a first key, is a list of examples. */
function isListOfExamples(key: string, itemKeys: readonly string[]): boolean {
  if (itemKeys.some((each) => ofTurns.has(each))) return false;
  return !ofExamples.has(key) || itemKeys.some((each) => ofExamples.has(each));
}

/** The key of an example-like object that holds the list; undefined if there is none, or it is a conversation. */
export function wrappingKey(fields: Readonly<Record<string, unknown>>): string | undefined {
  return Object.keys(fields).find((key) => {
    const value = fields[key];
    if (!Array.isArray(value) || !value.every(isObject)) return false;
    const [first] = value;
    return first !== undefined && isListOfExamples(key, Object.keys(first));
  });
}

const scalar = String.raw`(?:"(?:[^"\\]|\\.)*"|[-\w.+]+)`;
const opening = new RegExp(
  String.raw`^\s*\{(?:\s*"[^"\\]*"\s*:\s*${scalar}\s*,)*\s*"([^"\\]+)"\s*:\s*\[\s*\{\s*"([^"\\]+)"`,
);

/** The same, by the first characters of a file that is spread over several lines. */
export function wrappingKeyAtStart(start: string): string | undefined {
  const [, key, itemKey] = opening.exec(start) ?? [];
  if (key === undefined || itemKey === undefined) return undefined;
  return isListOfExamples(key, [itemKey]) ? key : undefined;
}

/** @param where the file, or a place in it */
export function wrapped(file: string, where: string, key: string, converted: string): CoxswainError {
  const filter = /^[A-Za-z_]\w*$/.test(key) ? `.${key}[]` : `.[${JSON.stringify(key)}][]`;
  return new CoxswainError(
    "data",
    `${where}: the list of examples is wrapped in an object, under the key ${JSON.stringify(key)}`,
    { hint: `A file has the examples themselves. Write one per line: jq -c '${filter}' '${file}' > '${converted}'` },
  );
}
