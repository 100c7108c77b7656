/** Character properties of Python's str. Strings are JavaScript's; positions and lengths are in code points. */

/** The characters of `str.isspace`, as the inside of a character class. */
export const spaceClass =
  "\\t\\n\\v\\f\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

const surrogate = /[\ud800-\udfff]/;
const leadingSpace = new RegExp(`^[${spaceClass}]+`);
const trailingSpaceStart = new RegExp(`[${spaceClass}]`);

/** Whether every character is one UTF-16 unit, so that positions need no counting. */
export const isSimple = (text: string): boolean => !surrogate.test(text);

/** `len(text)`. */
export function codePointLength(text: string): number {
  if (isSimple(text)) return text.length;
  let length = 0;
  for (const character of text) length += character.length > 0 ? 1 : 0;
  return length;
}

export const codePoints = (text: string): string[] => Array.from(text);

/** The position in code points of a position in UTF-16 units. */
export const codePointIndex = (text: string, unit: number): number => codePointLength(text.slice(0, unit));

/** The position in UTF-16 units of a position in code points, at most the text's length. */
export function unitIndex(text: string, index: number): number {
  if (isSimple(text)) return Math.min(index, text.length);
  let unit = 0;
  for (let count = 0; count < index && unit < text.length; count++) {
    unit += (text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
  }
  return unit;
}

export const stripStart = (text: string): string => text.replace(leadingSpace, "");

export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && trailingSpaceStart.test(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

const lineBreaks = "\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029";
const line = new RegExp(`([^${lineBreaks}]*)(\\r\\n|[${lineBreaks}]|$)`, "g");

/** `str.splitlines(keepends)`. */
export function splitLines(text: string, keepEnds = false): string[] {
  const lines: string[] = [];
  for (const [whole, body = "", end = ""] of text.matchAll(line)) {
    if (whole === "") break;
    lines.push(keepEnds ? body + end : body);
  }
  return lines;
}

const unprintable = /[\p{C}\p{Z}]/u;

/** `str.isprintable` of one character. */
export const isPrintable = (character: string): boolean => character === " " || !unprintable.test(character);

/** Digits that are not decimal: superscripts, circled and parenthesised ones. */
const otherDigits = new RegExp(
  "[\\xb2\\xb3\\xb9\\u1369-\\u1371\\u19da\\u2070\\u2074-\\u2079\\u2080-\\u2089\\u2460-\\u2468\\u2474-\\u247c" +
    "\\u2488-\\u2490\\u24ea\\u24f5-\\u24fd\\u24ff\\u2776-\\u277e\\u2780-\\u2788\\u278a-\\u2792" +
    "\\u{10a40}-\\u{10a43}\\u{10e60}-\\u{10e68}\\u{11052}-\\u{1105a}\\u{1f100}-\\u{1f10a}]",
  "u",
);

/** Decimal digits of any script as ASCII's: they come in runs of ten, from a zero. */
export function asciiDigits(text: string): string {
  return text.replace(/(?![0-9])\p{Nd}/gu, (digit) => {
    const code = digit.codePointAt(0) ?? 0;
    let zero = code;
    while (isDecimal(String.fromCodePoint(zero - 1))) zero--;
    return String((code - zero) % 10);
  });
}

export const isDecimal = (character: string): boolean => /\p{Nd}/u.test(character);
export const isDigit = (character: string): boolean => isDecimal(character) || otherDigits.test(character);
export const isAlpha = (character: string): boolean => /\p{L}/u.test(character);
export const isUpper = (character: string): boolean => /\p{Uppercase}/u.test(character);
export const isLower = (character: string): boolean => /\p{Lowercase}/u.test(character);
export const isTitle = (character: string): boolean => /\p{Lt}/u.test(character);
export const isIdentifier = (text: string): boolean => /^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(text);
