/** The methods of Python's str about characters: their case, and what they are. */
import { positional, type Run } from "./builtin.js";
import { textArgument } from "./arguments.js";
import { UnsupportedError } from "./errors.js";
import { stripEnd } from "./unicode.js";
import * as unicode from "./unicode.js";
import type { Value } from "./values.js";

/** Digraphs have a form for titles that JavaScript doesn't give: DŽ, Dž, dž and their kin. */
const digraphs: ReadonlyMap<string, string> = new Map(
  ["Ǆǅǆ", "Ǉǈǉ", "Ǌǋǌ", "Ǳǲǳ"].flatMap((forms) => {
    const [upper = "", title = "", lower = ""] = Array.from(forms);
    return [
      [upper, title],
      [lower, title],
    ];
  }),
);
const georgian = /[\u10d0-\u10fa\u10fd-\u10ff]/;
const ligature = /[ßև\ufb00-\ufb06\ufb13-\ufb17]/;
/** Greek letters with a small iota below; in capitals it is a letter of its own, in titles it is not. */
const greekIota = /[\u1f80-\u1faf\u1fb2-\u1ffc]/;

/** `str.title` of one character. */
export function titleCharacter(character: string): string {
  const digraph = digraphs.get(character);
  if (digraph !== undefined) return digraph;
  if (unicode.isTitle(character) || georgian.test(character)) return character;
  const upper = character.toUpperCase();
  if (ligature.test(character)) return upper.slice(0, 1) + upper.slice(1).toLowerCase();
  if (!greekIota.test(character) || !upper.endsWith("Ι") || upper.length === 1) return upper;
  const code = character.charCodeAt(0);
  if (code <= 0x1faf) return String.fromCharCode(code + 8);
  return [0x1fb3, 0x1fc3, 0x1ff3].includes(code) ? String.fromCharCode(code + 9) : `${upper.slice(0, -1)}\u0345`;
}

export function capitalize(text: string): string {
  const [first = ""] = text;
  // The rest is lowered within its text: a sigma at the end of a word has a form of its own.
  return titleCharacter(first) + text.toLowerCase().slice(first.toLowerCase().length);
}

/** Each character lowered within its text. */
function loweredCharacters(text: string, characters: readonly string[]): readonly string[] {
  const lowered = unicode.codePoints(text.toLowerCase());
  if (lowered.length !== characters.length) throw new UnsupportedError("this case conversion of İ");
  return lowered;
}

function title(text: string): string {
  const characters = unicode.codePoints(text);
  const lowered = loweredCharacters(text, characters);
  let inWord = false;
  return characters
    .map((character, index) => {
      const converted = inWord ? (lowered[index] ?? "") : titleCharacter(character);
      inWord = isCased(character);
      return converted;
    })
    .join("");
}

function swapcase(text: string): string {
  const characters = unicode.codePoints(text);
  const lowered = loweredCharacters(text, characters);
  return characters
    .map((character, index) => {
      if (unicode.isUpper(character)) return lowered[index] ?? "";
      return unicode.isLower(character) ? character.toUpperCase() : character;
    })
    .join("");
}

function casefold(text: string): string {
  if (/[^\0-\x7f]/.test(text)) throw new UnsupportedError("the method 'casefold' on a text that is not ASCII");
  return text.toLowerCase();
}

const isCased = (character: string): boolean =>
  unicode.isUpper(character) || unicode.isLower(character) || unicode.isTitle(character);

/** `islower` and `isupper`: some character is cased, and all that are have this case. */
function hasCase(text: string, lower: boolean): boolean {
  const cased = unicode.codePoints(text).filter(isCased);
  return (
    cased.length > 0 && cased.every((character) => (lower ? unicode.isLower(character) : unicode.isUpper(character)))
  );
}

export const isLowerText = (text: string): boolean => hasCase(text, true);
export const isUpperText = (text: string): boolean => hasCase(text, false);

function isTitleText(text: string): boolean {
  let found = false;
  let inWord = false;
  for (const character of text) {
    const starts = unicode.isUpper(character) || unicode.isTitle(character);
    if (starts ? inWord : unicode.isLower(character) && !inWord) return false;
    inWord = isCased(character);
    found ||= inWord;
  }
  return found;
}

const every = (text: string, holds: (character: string) => boolean): boolean =>
  text !== "" && unicode.codePoints(text).every(holds);

/** Letters that are numbers too, such as 五, are letters; what else has a number's value is in the class N. */
const isAlphanumeric = (character: string): boolean => /[\p{L}\p{N}]/u.test(character);

function isNumericText(text: string): boolean {
  if (/\p{L}/u.test(text) && /[^\0-\x7f]/.test(text))
    throw new UnsupportedError("the method 'isnumeric' on such letters");
  return every(text, (character) => /\p{N}/u.test(character));
}

const methods: Readonly<Record<string, (text: string) => Value>> = {
  upper: (text) => text.toUpperCase(),
  lower: (text) => text.toLowerCase(),
  title,
  capitalize,
  swapcase,
  casefold,
  islower: isLowerText,
  isupper: isUpperText,
  istitle: isTitleText,
  isspace: (text) => text !== "" && stripEnd(text) === "",
  isalpha: (text) => every(text, unicode.isAlpha),
  isdecimal: (text) => every(text, unicode.isDecimal),
  isdigit: (text) => every(text, unicode.isDigit),
  isalnum: (text) => every(text, isAlphanumeric),
  isnumeric: isNumericText,
  isascii: (text) => !/[^\0-\x7f]/.test(text),
  isprintable: (text) => unicode.codePoints(text).every(unicode.isPrintable),
  isidentifier: (text) => unicode.isIdentifier(text),
};

export const characterMethods: ReadonlyMap<string, Run> = new Map(
  Object.entries(methods).map(([name, run]) => [
    name,
    positional(name, ["self"], (_, self) => run(textArgument(self))),
  ]),
);
