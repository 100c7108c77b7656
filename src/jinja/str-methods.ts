/** The methods of Python's str that look for parts, cut, join and fill. Those about characters: `str-characters.ts`. */
import { intArgument, textArgument, textOrNone } from "./arguments.js";
import { builtin, positional, type Parameter, type Run } from "./builtin.js";
import { typeError, valueError } from "./errors.js";
import { iterate } from "./iterate.js";
import type { Limits } from "./limits.js";
import { slice } from "./slice.js";
import {
  codePointIndex,
  codePointLength,
  codePoints,
  spaceClass,
  splitLines,
  stripEnd,
  stripStart,
} from "./unicode.js";
import { Markup, PyTuple, typeName, type Value } from "./values.js";

/** A method's parameters without the text itself, which `run` gets first. */
type TextMethod = (limits: Limits, text: string, ...values: Value[]) => Value;

const unlimited: Parameter = ["maxsplit", -1];
const range: readonly Parameter[] = [
  ["start", null],
  ["end", null],
];

export function strip(text: string, characters: string | null, left: boolean, right: boolean): string {
  if (characters === null) return (right ? stripEnd : (kept: string) => kept)(left ? stripStart(text) : text);
  const stripped = new Set(characters);
  const parts = codePoints(text);
  let start = 0;
  let end = parts.length;
  while (left && start < end && stripped.has(parts[start] ?? "")) start++;
  while (right && end > start && stripped.has(parts[end - 1] ?? "")) end--;
  return parts.slice(start, end).join("");
}

/** `text.replace(old, new, count)`; a negative count is all. */
export function replace(limits: Limits, text: string, old: string, replacement: string, count: number): string {
  if (count === 0) return text;
  const parts = old === "" ? ["", ...codePoints(text), ""] : text.split(old);
  const pieces = count < 0 ? parts.length : Math.min(parts.length, count + 1);
  limits.text(text.length + (pieces - 1) * replacement.length);
  const rest = parts.slice(pieces - 1).join(old);
  return [...parts.slice(0, pieces - 1), rest].join(replacement);
}

const spacePattern = new RegExp(`[${spaceClass}]`);
const lastWord = new RegExp(`[^${spaceClass}]+$`);

/** At most `maxSplit` words; what is left keeps the white space at its end. */
function splitAtSpace(text: string, maxSplit: number): string[] {
  const words: string[] = [];
  let rest = stripStart(text);
  while (rest !== "") {
    const end = words.length === maxSplit ? -1 : rest.search(spacePattern);
    if (end < 0) return [...words, rest];
    words.push(rest.slice(0, end));
    rest = stripStart(rest.slice(end));
  }
  return words;
}

/** The same from the right: what is left keeps the white space at its start. */
function rsplitAtSpace(text: string, maxSplit: number): string[] {
  const words: string[] = [];
  let rest = stripEnd(text);
  while (rest !== "") {
    const word = lastWord.exec(rest)?.[0] ?? rest;
    if (words.length === maxSplit || word.length === rest.length) return [rest, ...words];
    words.unshift(word);
    rest = stripEnd(rest.slice(0, rest.length - word.length));
  }
  return words;
}

export function split(text: string, separator: string | null, maxSplit: number): string[] {
  if (separator === null) {
    if (maxSplit < 0) return text.split(new RegExp(`[${spaceClass}]+`)).filter((word) => word !== "");
    return splitAtSpace(text, maxSplit);
  }
  if (separator === "") throw valueError("empty separator");
  const parts = text.split(separator);
  if (maxSplit < 0 || parts.length <= maxSplit + 1) return parts;
  return [...parts.slice(0, maxSplit), parts.slice(maxSplit).join(separator)];
}

export function rsplit(text: string, separator: string | null, maxSplit: number): string[] {
  if (separator === null) return rsplitAtSpace(text, maxSplit);
  if (separator === "") throw valueError("empty separator");
  // From the right, so that "aaa" is cut as Python cuts it.
  const parts: string[] = [];
  let end = text.length;
  for (;;) {
    const start = end < separator.length ? -1 : text.lastIndexOf(separator, end - separator.length);
    if (start < 0 || (maxSplit >= 0 && parts.length >= maxSplit)) return [text.slice(0, end), ...parts];
    parts.unshift(text.slice(start + separator.length, end));
    end = start;
  }
}

/** `str.join`. */
export function join(limits: Limits, separator: string, parts: readonly string[]): string {
  limits.text(parts.reduce((length, part) => length + part.length, separator.length * Math.max(0, parts.length - 1)));
  return parts.join(separator);
}

function joinStrings(limits: Limits, separator: string, values: Value): string {
  const parts = Array.from(iterate(values), (value, index) => {
    if (typeof value === "string" || value instanceof Markup) return textArgument(value);
    throw typeError(`sequence item ${index}: expected str instance, ${typeName(value)} found`);
  });
  return join(limits, separator, parts);
}

/** The text from `start` to `end`, and how many code points are before it; null where `start` is behind the end. */
function part(text: string, start: Value, end: Value): { readonly text: string; readonly before: number } | null {
  if (start === null && end === null) return { text, before: 0 };
  const length = codePointLength(text);
  const from = start === null ? 0 : intArgument(start);
  const before = from < 0 ? Math.max(0, from + length) : from;
  const cut = slice(text, { start, stop: end, step: null });
  const stop = end === null ? length : intArgument(end) < 0 ? Math.max(0, intArgument(end) + length) : intArgument(end);
  return before > length || before > stop || typeof cut !== "string" ? null : { text: cut, before };
}

function find(text: string, wanted: Value, start: Value, end: Value, last: boolean): number {
  const sought = textArgument(wanted);
  const within = part(text, start, end);
  if (within === null) return -1;
  const unit = last ? within.text.lastIndexOf(sought) : within.text.indexOf(sought);
  return unit < 0 ? -1 : within.before + codePointIndex(within.text, unit);
}

function index(position: number): number {
  if (position < 0) throw valueError("substring not found");
  return position;
}

function count(text: string, wanted: Value, start: Value, end: Value): number {
  const sought = textArgument(wanted);
  const within = part(text, start, end);
  if (within === null) return 0;
  return sought === "" ? codePointLength(within.text) + 1 : within.text.split(sought).length - 1;
}

function affix(method: "startsWith" | "endsWith", text: string, wanted: Value, start: Value, end: Value): boolean {
  const within = part(text, start, end);
  const has = (value: Value): boolean =>
    within?.text[method](textArgument(value, `${method.toLowerCase()} first arg`)) ?? false;
  return wanted instanceof PyTuple ? wanted.items.some(has) : has(wanted);
}

function partition(text: string, separator: Value, last: boolean): PyTuple {
  const sought = textArgument(separator);
  if (sought === "") throw valueError("empty separator");
  const at = last ? text.lastIndexOf(sought) : text.indexOf(sought);
  if (at < 0) return new PyTuple(last ? ["", "", text] : [text, "", ""]);
  return new PyTuple([text.slice(0, at), sought, text.slice(at + sought.length)]);
}

/** Fills a text on both sides: Python puts the odd one left where the width is odd. */
export function fill(
  limits: Limits,
  text: string,
  width: Value,
  filler: Value,
  side: "left" | "right" | "both",
): string {
  const character = textArgument(filler, "The fill character");
  if (codePointLength(character) !== 1) throw typeError("The fill character must be exactly one character long");
  const wanted = intArgument(width);
  const missing = wanted - codePointLength(text);
  if (missing <= 0) return text;
  limits.text(wanted);
  const both = Math.floor(missing / 2) + (missing & wanted & 1);
  const left = side === "left" ? missing : side === "right" ? 0 : both;
  return character.repeat(left) + text + character.repeat(missing - left);
}

function zeroFill(limits: Limits, text: string, width: Value): string {
  const sign = /^[-+]/.exec(text)?.[0] ?? "";
  const missing = intArgument(width) - codePointLength(text);
  if (missing <= 0) return text;
  limits.text(missing);
  return sign + "0".repeat(missing) + text.slice(sign.length);
}

function expandTabs(limits: Limits, text: string, size: Value): string {
  const tab = intArgument(size);
  let column = 0;
  const expanded: string[] = [];
  for (const character of text) {
    const width = character !== "\t" ? 1 : tab > 0 ? tab - (column % tab) : 0;
    limits.text(width);
    expanded.push(character === "\t" ? " ".repeat(width) : character);
    column = character === "\n" || character === "\r" ? 0 : column + width;
  }
  return expanded.join("");
}

const method = (name: string, parameters: readonly Parameter[], run: TextMethod): [string, Run] => [
  name,
  positional(name, ["self", ...parameters], (limits, self, ...values) => run(limits, textArgument(self), ...values)),
];
const named = (name: string, parameters: readonly Parameter[], run: TextMethod): [string, Run] => [
  name,
  builtin(name, ["self", ...parameters], (limits, self, ...values) => run(limits, textArgument(self), ...values)),
];

export const searchMethods: ReadonlyMap<string, Run> = new Map([
  method("strip", [["chars", null]], (_, text, chars) => strip(text, textOrNone(chars, "strip arg"), true, true)),
  method("lstrip", [["chars", null]], (_, text, chars) => strip(text, textOrNone(chars), true, false)),
  method("rstrip", [["chars", null]], (_, text, chars) => strip(text, textOrNone(chars), false, true)),
  method("replace", ["old", "new", ["count", -1]], (limits, text, old, new_, times) =>
    replace(limits, text, textArgument(old), textArgument(new_), intArgument(times)),
  ),
  named("split", [["sep", null], unlimited], (_, text, sep, max) => split(text, textOrNone(sep), intArgument(max))),
  named("rsplit", [["sep", null], unlimited], (_, text, sep, max) => rsplit(text, textOrNone(sep), intArgument(max))),
  named("splitlines", [["keepends", false]], (_, text, keep) => splitLines(text, Boolean(keep))),
  named("expandtabs", [["tabsize", 8]], (limits, text, size) => expandTabs(limits, text, size)),
  method("join", ["iterable"], (limits, text, values) => joinStrings(limits, text, values)),
  method("find", ["sub", ...range], (_, text, sub, a, b) => find(text, sub, a, b, false)),
  method("rfind", ["sub", ...range], (_, text, sub, a, b) => find(text, sub, a, b, true)),
  method("index", ["sub", ...range], (_, text, sub, a, b) => index(find(text, sub, a, b, false))),
  method("rindex", ["sub", ...range], (_, text, sub, a, b) => index(find(text, sub, a, b, true))),
  method("count", ["sub", ...range], (_, text, sub, a, b) => count(text, sub, a, b)),
  method("startswith", ["prefix", ...range], (_, text, sub, a, b) => affix("startsWith", text, sub, a, b)),
  method("endswith", ["suffix", ...range], (_, text, sub, a, b) => affix("endsWith", text, sub, a, b)),
  method("partition", ["sep"], (_, text, sep) => partition(text, sep, false)),
  method("rpartition", ["sep"], (_, text, sep) => partition(text, sep, true)),
  method("removeprefix", ["prefix"], (_, text, prefix) => {
    const start = textArgument(prefix);
    return text.startsWith(start) ? text.slice(start.length) : text;
  }),
  method("removesuffix", ["suffix"], (_, text, suffix) => {
    const end = textArgument(suffix);
    return text.endsWith(end) ? text.slice(0, text.length - end.length) : text;
  }),
  method("center", ["width", ["fillchar", " "]], (limits, text, width, by) => fill(limits, text, width, by, "both")),
  method("ljust", ["width", ["fillchar", " "]], (limits, text, width, by) => fill(limits, text, width, by, "right")),
  method("rjust", ["width", ["fillchar", " "]], (limits, text, width, by) => fill(limits, text, width, by, "left")),
  method("zfill", ["width"], (limits, text, width) => zeroFill(limits, text, width)),
]);
