/** A run given as an object of JavaScript: its plain values, and what in it no run file could hold. Pure. */
import { dotted, kindOf, schemaAt, type KeyPath } from "./keys.js";
import type { ValueOverride } from "./overrides.js";
import type { Problem } from "./problems.js";

export interface PlainValues {
  /** A copy; keys whose value is undefined are left out, as if they had not been given. */
  readonly values: Record<string, unknown>;
  readonly problems: readonly Problem[];
}

/** @param object given by the user's program: its type promises nothing */
export function plainValues(object: unknown): PlainValues {
  const problems: Problem[] = [];
  const copy = (value: unknown, path: KeyPath, parents: readonly unknown[]): unknown => {
    if (value === null || ["string", "number", "boolean"].includes(typeof value)) return value;
    if (parents.includes(value)) return refuse(path, "refers to itself");
    const within = [...parents, value];
    if (Array.isArray(value)) return value.map((item, index) => copy(item, [...path, index], within));
    if (isPlainObject(value)) {
      const entries = Object.entries(value).filter(([, item]) => item !== undefined);
      return Object.fromEntries(entries.map(([key, item]) => [key, copy(item, [...path, key], within)]));
    }
    return refuse(path, `expected text, a number, true, false, null, a list or keys, not ${nameOf(value)}`);
  };
  const refuse = (path: KeyPath, message: string): null => {
    problems.push({ path, message });
    return null;
  };
  const values = copy(object, [], []);
  if (isPlainObject(values)) return { values, problems };
  const message = `expected an object with the keys of a run file, not ${Array.isArray(values) ? "a list" : nameOf(object)}`;
  return { values: {}, problems: [{ path: [], message }] };
}

/** What goes over the values of a run, key by key: sections are merged, lists are replaced. */
export function valueOverrides(object: unknown): ValueOverride[] {
  const { values, problems } = plainValues(object);
  const refused = problems.map(({ path, message }) => ({ path: path.map(String), message }));
  const isRefused = (path: readonly string[]): boolean => refused.some((other) => dotted(other.path) === dotted(path));
  const leaves = (section: Readonly<Record<string, unknown>>, path: readonly string[]): ValueOverride[] =>
    Object.entries(section).flatMap(([key, value]) => {
      const full = [...path, key];
      const schema = schemaAt(full);
      const isSection = isPlainObject(value) && schema !== undefined && kindOf(schema) === "fixed";
      if (isSection) return leaves(value, full);
      return isRefused(full) ? [] : [{ path: full, data: value }];
    });
  return [...leaves(values, []), ...refused];
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return `a value of type ${typeof value}`;
  return `an object of class ${value.constructor.name}`;
}
