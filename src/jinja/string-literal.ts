/** What a string literal in a template stands for: Python's `unicode_escape` of it. */
import { UnsupportedError, syntaxError } from "./errors.js";

const simple: Readonly<Record<string, string>> = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

const digits: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
const escape = /\\(?:([0-7]{1,3})|([xuU])([0-9a-fA-F]*)|(N)|([\s\S]))/gu;

/**
 * @param body the literal without its quotes
 * @throws PythonError, as Jinja, if an escape is cut short
 */
export function unescapeString(body: string, line: number): string {
  if (!body.includes("\\")) return body;
  const replace = (
    whole: string,
    octal: string | undefined,
    kind: string | undefined,
    hex: string | undefined,
    named: string | undefined,
    other: string | undefined,
  ): string => {
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    if (kind !== undefined) return fromHex(kind, hex ?? "", line);
    if (named !== undefined) throw new UnsupportedError(`line ${line}: the escape \\N{…}`);
    const character = other ?? "";
    // Jinja writes a non-ASCII character as an escape first: the backslash before it then escapes a backslash.
    return simple[character] ?? (/[^\0-\x7f]/.test(character) ? asciiEscape(character) : whole);
  };
  const text = body.replace(escape, replace);
  if (/(?:^|[^\\])(?:\\\\)*\\$/.test(body)) throw syntaxError("\\ at end of string", line);
  return text;
}

function asciiEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}

function fromHex(kind: string, hex: string, line: number): string {
  const length = digits[kind] ?? 0;
  if (hex.length < length) throw syntaxError(`truncated \\${kind} escape`, line);
  const code = Number.parseInt(hex.slice(0, length), 16);
  if (code > 0x10ffff) throw syntaxError("illegal Unicode character", line);
  if (code >= 0xd800 && code <= 0xdfff) throw new UnsupportedError(`line ${line}: the escape of a surrogate`);
  return String.fromCodePoint(code) + hex.slice(length);
}
