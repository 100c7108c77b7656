/**
 * Lines and their tokens as messages between threads. The structured clone keeps plain values, but a `PyFloat` loses its
 * class; tokens of many examples travel in two buffers, which are moved and not copied.
 */
import { PyFloat } from "../../jinja/index.js";
import { packError, unpackError, type PackedError } from "../../packed-error.js";
import type { Findings } from "./findings.js";
import type { ReadLine, TokenisedLines } from "./line.js";

/** No key of an object from `parseJson`, whose keys with this first character have it twice. */
const floatKey = "\u0000float";

const hasFloat = (value: unknown): boolean =>
  typeof value === "object" && value !== null && (value instanceof PyFloat || Object.values(value).some(hasFloat));

function mapped(value: unknown, each: (object: object) => unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const found = each(value);
  if (found !== undefined) return found;
  if (Array.isArray(value)) return value.map((item) => mapped(item, each));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapped(inner, each)]));
}

export interface PackedLines {
  readonly lines: readonly ReadLine[];
  /** Which of them have floats that are packed. */
  readonly floats: readonly number[];
}

export function packLines(lines: readonly ReadLine[]): PackedLines {
  const floats: number[] = [];
  const packed = lines.map((line, index) => {
    if (!hasFloat(line.value)) return line;
    floats.push(index);
    return {
      ...line,
      value: mapped(line.value, (object) => (object instanceof PyFloat ? { [floatKey]: object.value } : undefined)),
    };
  });
  return { lines: packed, floats };
}

export function unpackLines({ lines, floats }: PackedLines): readonly ReadLine[] {
  const float = (object: object): unknown => {
    const value = (object as Readonly<Record<string, unknown>>)[floatKey];
    return typeof value === "number" ? new PyFloat(value) : undefined;
  };
  const packed = new Set(floats);
  return lines.map((line, index) => (packed.has(index) ? { ...line, value: mapped(line.value, float) } : line));
}

type PackedResult =
  | { readonly error: PackedError }
  | {
      readonly parts: readonly { readonly length: number; readonly part?: string }[];
      readonly hasEmptyAnswer: boolean;
      readonly contentNumber: number;
    };

export interface PackedTokens {
  readonly results: readonly PackedResult[];
  readonly findings: Findings;
  /** Of all parts, one after the other: [tokens] */
  readonly ids: Int32Array<ArrayBuffer>;
  /** [tokens] */
  readonly labels: Int32Array<ArrayBuffer>;
}

export function packTokens({ results, findings }: TokenisedLines): PackedTokens {
  const parts = results.flatMap((result) => ("error" in result ? [] : result.parts));
  const total = parts.reduce((sum, { ids }) => sum + ids.length, 0);
  const [ids, labels] = [new Int32Array(total), new Int32Array(total)];
  let at = 0;
  for (const part of parts) {
    ids.set(part.ids, at);
    labels.set(part.labels, at);
    at += part.ids.length;
  }
  const packed = results.map((result) => {
    if ("error" in result) return { error: packError(result.error) };
    const { parts: own, ...rest } = result;
    return {
      ...rest,
      parts: own.map(({ ids: { length }, part }) => (part === undefined ? { length } : { length, part })),
    };
  });
  return { results: packed, findings, ids, labels };
}

export function unpackTokens({ results, findings, ids, labels }: PackedTokens): TokenisedLines {
  let at = 0;
  return {
    findings,
    results: results.map((result) => {
      if ("error" in result) return { error: unpackError(result.error) };
      const { parts, ...rest } = result;
      return {
        ...rest,
        parts: parts.map(({ length, ...part }) => {
          const [from, to] = [at, (at += length)];
          return { ids: ids.subarray(from, to), labels: labels.subarray(from, to), ...part };
        }),
      };
    }),
  };
}
