/** Checks the options of a function at run time, since programs in JavaScript have no type checker. Pure. */
import { CoxswainError } from "../errors.js";
import { nearest } from "../nearest.js";

/** The kind of value that an option takes; a list: one of these words. */
export type OptionKind = keyof typeof kinds | readonly string[];

/** The kind of every option of a function. */
export type OptionKinds<Options> = { readonly [Name in keyof Required<Options>]: OptionKind };

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): boolean => typeof value === "string";

const kinds = {
  "true or false": (value: unknown) => typeof value === "boolean",
  text: isText,
  "text in printable ASCII without spaces": (value: unknown) => typeof value === "string" && /^[!-~]*$/.test(value),
  "text or null": (value: unknown) => value === null || isText(value),
  "text or a list of texts": (value: unknown) =>
    isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText)),
  "a whole number above 0": (value: unknown) => Number.isSafeInteger(value) && (value as number) > 0,
  "a whole number": (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0,
  "a number": (value: unknown) => typeof value === "number" && Number.isFinite(value),
  "a number of 0 or more": (value: unknown) => typeof value === "number" && value >= 0 && Number.isFinite(value),
  "a function": (value: unknown) => typeof value === "function",
  "an AbortSignal": (value: unknown) => value instanceof AbortSignal,
  "an object": isObject,
  "a list": Array.isArray,
  "an object with the functions step, note and waiting": (value: unknown) =>
    isObject(value) &&
    ["step", "note", "waiting"].every((name) => typeof Reflect.get(Object(value), name) === "function"),
  "a run": (value: unknown) => isText(value) || isObject(value),
} as const satisfies Record<string, (value: unknown) => boolean>;

/**
 * Options whose value is undefined count as omitted.
 * @param call for messages: "train()"
 * @throws CoxswainError "usage" that names the option
 */
export function checkOptions<Options extends object>(
  call: string,
  options: Options,
  known: OptionKinds<Options>,
  required: readonly (keyof Options & string)[] = [],
): void {
  if (!isObject(options)) throw wrong(`${call}: expected an object of options, not ${show(options)}`);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(known, name)) {
      const meant = nearest(name, Object.keys(known));
      throw wrong(`${call}: unknown option "${name}"${meant === undefined ? "" : ` (did you mean "${meant}"?)`}`);
    }
    const kind: OptionKind = known[name as keyof Options];
    if (!fits(value, kind)) throw wrong(`${call}: ${name}: expected ${inWords(kind)}, not ${show(value)}`);
  }
  const missing = required.find((name) => options[name] === undefined);
  if (missing !== undefined) throw wrong(`${call}: ${missing} is missing`);
}

function fits(value: unknown, kind: OptionKind): boolean {
  return typeof kind === "string" ? kinds[kind](value) : kind.some((word) => word === value);
}

const inWords = (kind: OptionKind): string =>
  typeof kind === "string" ? kind : `one of ${kind.map((word) => JSON.stringify(word)).join(", ")}`;

/** Describes a value. Text is not quoted, since it may be a secret. */
function show(value: unknown): string {
  if (value === null || ["number", "boolean", "undefined"].includes(typeof value)) return String(value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  return typeof value === "string" ? "text" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

const wrong = (message: string): CoxswainError =>
  new CoxswainError("usage", message, { hint: "docs/library.md and the types describe every option." });
