/**
 * Finds keys that an object of a JSON text has twice. JSON.parse and Python's json.loads keep the last value and drop the
 * other. Counting the keys of the text and those of its value is cheap: long texts are passed over by `indexOf`. Pure.
 */
import { PyObject } from "./values.js";

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/** The index after the string that starts at `open`, or the text's length. */
function endOfString(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (close >= 0 && isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close < 0 ? text.length : close + 1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === backslash) backslashes++;
  return backslashes % 2 === 1;
}

function afterSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function keysOfText(text: string): number {
  let count = 0;
  for (let open = text.indexOf('"'); open >= 0;) {
    const next = afterSpace(text, endOfString(text, open));
    if (text.charCodeAt(next) === colon) count++;
    open = text.indexOf('"', next);
  }
  return count;
}

function keysOfValue(value: unknown): number {
  if (typeof value !== "object" || value === null || value instanceof PyObject) return 0;
  const members: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  let count = Array.isArray(value) ? 0 : members.length;
  for (const member of members) count += keysOfValue(member);
  return count;
}

interface Level {
  /** The keys of an object; null for a list. */
  readonly keys: Set<string> | null;
  /** The current member's key. */
  at: string;
  /** The current member's index. */
  index: number;
}

const pathOf = (levels: readonly Level[]): string =>
  levels
    .map((level) => (level.keys !== null ? `.${level.at}` : `[${level.index}]`))
    .join("")
    .replace(/^\./, "");

function search(text: string): readonly string[] {
  const found: string[] = [];
  const levels: Level[] = [];
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    const level = levels.at(-1);
    if (code === quote) {
      const end = endOfString(text, at);
      const next = afterSpace(text, end);
      if (level?.keys && text.charCodeAt(next) === colon) {
        level.at = JSON.parse(text.slice(at, end)) as string;
        if (level.keys.has(level.at)) found.push(pathOf(levels));
        level.keys.add(level.at);
      }
      at = end;
      continue;
    }
    const character = text[at++];
    if (character === "{") levels.push({ keys: new Set(), at: "", index: 0 });
    else if (character === "[") levels.push({ keys: null, at: "", index: 0 });
    else if (character === "}" || character === "]") levels.pop();
    else if (character === "," && level !== undefined) level.index++;
  }
  return found;
}

/**
 * @param text valid JSON
 * @param value what `parseJson` made of it
 * @returns the paths of keys that their objects have twice, such as "messages[2].role"
 */
export const repeatedKeys = (text: string, value: unknown): readonly string[] =>
  keysOfText(text) === keysOfValue(value) ? [] : search(text);
