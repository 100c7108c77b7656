/**
 * Sets one number in the text of a run file: only that value changes; comments, order and layout stay. Pure.
 */
import { isDeepStrictEqual } from "node:util";
import { isMap, isScalar, parseDocument, type Document, type YAMLMap } from "yaml";
import { CoxswainError } from "../errors.js";

/**
 * @param text a valid run file
 * @param file its name, for messages
 * @throws CoxswainError "config" if the value cannot be set without changing something else, as with an alias
 */
export function withNumber(
  text: string,
  [section, key]: readonly [string, string],
  value: number,
  file: string,
): string {
  const document = parseDocument(text);
  const edited = edit(text, document, section, key, numberText(value));
  const found = edited === undefined ? undefined : valuesOf(edited);
  const wanted = { ...valuesOf(text), [section]: { ...sectionOf(text, section), [key]: value } };
  if (edited !== undefined && isDeepStrictEqual(found, wanted)) return edited;
  throw new CoxswainError("config", `${file}: ${section}.${key} cannot be set without changing other lines`, {
    hint: `Set ${section}.${key}: ${numberText(value)} by hand.`,
  });
}

/** With a decimal point, which YAML 1.1 needs to read it as a number. */
const numberText = (value: number): string => {
  const [mantissa = "", exponent = ""] = value.toExponential().split("e");
  return `${mantissa.includes(".") ? mantissa : `${mantissa}.0`}e${exponent.replace("+", "")}`;
};

function edit(text: string, document: Document, section: string, key: string, value: string): string | undefined {
  const root = document.contents;
  if (!isMap(root)) return undefined;
  const found = root.get(section, true);
  if (found === undefined) return `${text}${text.endsWith("\n") ? "" : "\n"}\n${section}:\n  ${key}: ${value}\n`;
  if (!isMap(found)) return undefined;
  const present = found.get(key, true);
  if (present === undefined) return withKey(text, found, `${key}: ${value}`);
  if (!isScalar(present) || !present.range) return undefined;
  return splice(text, present.range[0], present.range[1], value);
}

/** Inserts a key before the first of its section, with its indentation. */
function withKey(text: string, section: YAMLMap, entry: string): string | undefined {
  const first = section.items[0]?.key;
  if (!isScalar(first) || !first.range) {
    return section.range && section.flow === true
      ? splice(text, section.range[0], section.range[1], `{ ${entry} }`)
      : undefined;
  }
  const [start] = first.range;
  if (section.flow === true) return splice(text, start, start, `${entry}, `);
  const indent = text.slice(text.lastIndexOf("\n", start - 1) + 1, start);
  return splice(text, start, start, `${entry}${text.includes("\r\n") ? "\r\n" : "\n"}${indent}`);
}

const splice = (text: string, start: number, end: number, part: string): string =>
  text.slice(0, start) + part + text.slice(end);

function valuesOf(text: string): Record<string, unknown> | undefined {
  try {
    return parseDocument(text).toJS() as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

const sectionOf = (text: string, section: string): object => Object(valuesOf(text)?.[section]) as object;
