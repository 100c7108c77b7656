/**
 * Evaluates `value.name` and `value[index]` by the rules of Jinja's immutable sandbox: methods that change their
 * object, and names that start with an underscore, exist but cannot be used.
 */
import { refuseUndefined } from "./arguments.js";
import { positional, type Run } from "./builtin.js";
import { equals } from "./compare.js";
import { PythonError, UnsupportedError, typeError, valueError } from "./errors.js";
import { iterate, itemsOf } from "./iterate.js";
import type { Limits } from "./limits.js";
import { asInt, bitLength } from "./numbers.js";
import { characterMethods } from "./str-characters.js";
import { strFormat, type FieldLookup } from "./str-format.js";
import { searchMethods } from "./str-methods.js";
import { repr } from "./text.js";
import { codePointLength, codePoints, isSimple } from "./unicode.js";
import { DictView, PyDict } from "./dict.js";
import {
  Markup,
  PyCallable,
  PyFloat,
  PyFunction,
  PyRange,
  PyTuple,
  Undefined,
  typeName,
  type Keywords,
  type Value,
} from "./values.js";

const lookup = (limits: Limits): FieldLookup => ({
  attribute: (value, name) => getAttribute(limits, value, name),
  item: (value, key) => getItem(limits, value, key),
});

const format: Run = (limits, [self, ...args], keywords) =>
  strFormat(typeof self === "string" ? self : "", { limits, lookup: lookup(limits), args, keywords });

const textMethods: ReadonlyMap<string, Run> = new Map([...searchMethods, ...characterMethods, ["format", format]]);

const itemsIn = (value: Value): readonly Value[] =>
  Array.isArray(value)
    ? value
    : value instanceof PyTuple
      ? value.items
      : value instanceof PyRange
        ? itemsOf(value)
        : [];

function indexOf(self: Value, wanted: Value, start: Value, stop: Value): number {
  if (start !== null || stop !== null) throw new UnsupportedError("the method 'index' with a start");
  const found = itemsIn(self).findIndex((item) => item === wanted || equals(item, wanted));
  if (found < 0) throw valueError(`${repr(wanted)} is not in ${typeName(self)}`);
  return found;
}

const sequenceMethods: ReadonlyMap<string, Run> = new Map([
  [
    "index",
    positional("index", ["self", "value", ["start", null], ["stop", null]], (_, self, value, start, stop) =>
      indexOf(self, value, start, stop),
    ),
  ],
  [
    "count",
    positional(
      "count",
      ["self", "value"],
      (_, self, value) => itemsIn(self).filter((item) => item === value || equals(item, value)).length,
    ),
  ],
]);

const listMethods: ReadonlyMap<string, Run> = new Map([
  ...sequenceMethods,
  ["copy", positional("copy", ["self"], (_, self) => [...itemsIn(self)])],
]);

function dictMethod(
  name: string,
  parameters: readonly (string | readonly [string, Value])[],
  run: (dict: PyDict, ...values: Value[]) => Value,
): [string, Run] {
  return [
    name,
    positional(name, ["self", ...parameters], (_, self, ...values) =>
      run(self instanceof PyDict ? self : new PyDict(), ...values),
    ),
  ];
}

const dictMethods: ReadonlyMap<string, Run> = new Map([
  dictMethod(
    "get",
    ["key", ["default", null]],
    (dict, key, fallback) => dict.get(key) ?? (dict.has(key) ? null : fallback),
  ),
  dictMethod("keys", [], (dict) => new DictView("keys", dict)),
  dictMethod("values", [], (dict) => new DictView("values", dict)),
  dictMethod("items", [], (dict) => new DictView("items", dict)),
  dictMethod("copy", [], (dict) => PyDict.of(dict.entries())),
  dictMethod("fromkeys", ["iterable", ["value", null]], (_, keys, value) =>
    PyDict.of(Array.from(iterate(keys), (key) => [key, value] as const)),
  ),
]);

const intMethods: ReadonlyMap<string, Run> = new Map([
  ["bit_length", positional("bit_length", ["self"], (_, self) => bitLength(asInt(self) ?? 0))],
  ["conjugate", positional("conjugate", ["self"], (_, self) => asInt(self))],
]);

const floatMethods: ReadonlyMap<string, Run> = new Map([
  [
    "is_integer",
    positional("is_integer", ["self"], (_, self) => self instanceof PyFloat && Number.isInteger(self.value)),
  ],
  ["conjugate", positional("conjugate", ["self"], (_, self) => self)],
]);

/** Methods of a safe text return safe texts. Those that would have to escape their arguments are refused. */
function safeResult(value: Value): Value {
  if (typeof value === "string") return new Markup(value);
  if (Array.isArray(value)) return value.map(safeResult);
  return value instanceof PyTuple ? new PyTuple(value.items.map(safeResult)) : value;
}

const escaping = new Set(["center", "format", "join", "ljust", "replace", "rjust"]);
const markupMethods: ReadonlyMap<string, Run> = new Map(
  [...textMethods]
    .filter(([name]) => !escaping.has(name))
    .map(([name, run]) => [name, (limits, args, keywords) => safeResult(run(limits, args, keywords))]),
);

const none: ReadonlyMap<string, Run> = new Map();

/** Python's methods that are not supported here. */
const refusedMethods: Readonly<Record<string, readonly string[]>> = {
  str: ["encode", "format_map", "maketrans", "translate"],
  Markup: ["encode", "escape", "format_map", "maketrans", "striptags", "translate", "unescape"],
  int: ["as_integer_ratio", "bit_count", "from_bytes", "to_bytes"],
  bool: ["as_integer_ratio", "bit_count", "from_bytes", "to_bytes"],
  float: ["as_integer_ratio", "fromhex", "hex"],
  dict_keys: ["isdisjoint", "mapping"],
  dict_values: ["mapping"],
  dict_items: ["isdisjoint", "mapping"],
  generator: ["close", "gi_code", "gi_frame", "gi_running", "gi_suspended", "gi_yieldfrom", "send", "throw"],
};

/** Methods that would change their object: the sandbox does not allow calls of them. */
const changing: Readonly<Record<string, readonly string[]>> = {
  list: ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"],
  dict: ["clear", "pop", "popitem", "setdefault", "update"],
};

const hidden = new Set(
  (
    "class delattr dir doc eq format ge getattribute getstate gt hash init init_subclass le lt ne new reduce reduce_ex repr " +
    "setattr sizeof str subclasshook class_getitem contains delitem getitem ior iter len or reversed ror setitem"
  )
    .split(" ")
    .map((name) => `__${name}__`),
);

function methodsOf(value: Value): ReadonlyMap<string, Run> {
  if (typeof value === "string") return textMethods;
  if (Array.isArray(value)) return listMethods;
  if (value instanceof PyDict) return dictMethods;
  if (value instanceof PyTuple) return sequenceMethods;
  if (value instanceof PyFloat) return floatMethods;
  if (value instanceof Markup) return markupMethods;
  if (value instanceof PyRange) return sequenceMethods;
  return asInt(value) === null ? none : intMethods;
}

/** An attribute that is not a method. */
function property(value: Value, name: string): Value | undefined {
  if (value instanceof PyTuple) {
    const field = value.fields.indexOf(name);
    return field < 0 ? undefined : value.items[field];
  }
  if (value instanceof PyRange && (name === "start" || name === "stop" || name === "step")) return value[name];
  const int = value instanceof PyFloat ? null : asInt(value);
  if (name === "real" && (value instanceof PyFloat || int !== null)) return int ?? value;
  if (name === "imag") return value instanceof PyFloat ? new PyFloat(0) : int === null ? undefined : 0;
  if (int !== null && name === "numerator") return int;
  if (int !== null) return name === "denominator" ? 1 : undefined;
  return value === null || typeof value !== "object" || Array.isArray(value) ? undefined : value.attribute?.(name);
}

/** `getattr(value, name)` within the sandbox, or undefined if Python has no such attribute. */
function pythonAttribute(limits: Limits, value: Value, name: string): Value | undefined {
  const type = typeName(value);
  if (hidden.has(name) || (changing[type]?.includes(name) ?? false)) {
    return new Undefined(() => `access to attribute '${name}' of '${type}' object is unsafe.`, "SecurityError");
  }
  const run = methodsOf(value).get(name);
  if (run !== undefined) return new PyFunction(name, (args, keywords) => run(limits, [value, ...args], keywords));
  if (refusedMethods[type]?.includes(name) ?? false) throw new UnsupportedError(`the attribute '${name}' of ${type}`);
  if (value instanceof Markup && textMethods.has(name))
    throw new UnsupportedError(`the method '${name}' of a safe text`);
  return property(value, name);
}

function missing(value: Value, name: Value): Undefined {
  const type = value === null ? "None" : `${typeName(value)} object`;
  return new Undefined(() =>
    typeof name === "string" ? `'${type}' has no attribute '${name}'` : `${type} has no element ${repr(name)}`,
  );
}

/** Whether Python's object has an attribute of this name: what the filter `attr` asks. */
export function ownAttribute(limits: Limits, value: Value, name: string): Value {
  refuseUndefined(value);
  const attribute = pythonAttribute(limits, value, name);
  return attribute === undefined ? missing(value, name) : attribute;
}

/** The attributes of a dict. */
const dictAttributes: ReadonlySet<string> = new Set([...hidden, ...(changing["dict"] ?? []), ...dictMethods.keys()]);

/** `value.name`. */
export function getAttribute(limits: Limits, value: Value, name: string): Value {
  if (value instanceof PyDict && !dictAttributes.has(name)) {
    const item = value.get(name);
    return item === undefined ? missing(value, name) : item;
  }
  refuseUndefined(value);
  const attribute = pythonAttribute(limits, value, name);
  if (attribute !== undefined) return attribute;
  const item = value instanceof PyDict ? value.get(name) : undefined;
  return item === undefined ? missing(value, name) : item;
}

/** `value[index]` as Python itself has it, or undefined if it raises. */
function pythonItem(value: Value, index: Value): Value | undefined {
  if (value instanceof PyDict) return Array.isArray(index) || index instanceof PyDict ? undefined : value.get(index);
  const int = asInt(index);
  if (int === null) return undefined;
  const from = (length: number): number => (int < 0 ? Number(int) + length : Number(int));
  if (Array.isArray(value)) return value[from(value.length)];
  if (value instanceof PyTuple) return value.items[from(value.items.length)];
  if (value instanceof PyRange) {
    const at = from(value.count);
    return at >= 0 && at < value.count ? value.at(at) : undefined;
  }
  if (value instanceof Markup) {
    const character = characterAt(value.text, from(codePointLength(value.text)));
    return character === undefined ? undefined : new Markup(character);
  }
  return typeof value === "string"
    ? characterAt(value, from(isSimple(value) ? value.length : codePointLength(value)))
    : undefined;
}

function characterAt(text: string, index: number): string | undefined {
  return isSimple(text) ? text[index] : codePoints(text)[index];
}

/** `value[index]`: an attribute if there is no such item and the index is a name. */
export function getItem(limits: Limits, value: Value, index: Value): Value {
  const item = pythonItem(value, index);
  if (item !== undefined) return item;
  refuseUndefined(value);
  const name = typeof index === "string" ? index : index instanceof Markup ? index.text : null;
  const attribute = name === null ? undefined : pythonAttribute(limits, value, name);
  return attribute === undefined ? missing(value, index) : attribute;
}

/** `value(…)`. */
export function call(limits: Limits, value: Value, args: readonly Value[], keywords: Keywords): Value {
  limits.step();
  if (value instanceof PyCallable) return value.call(args, keywords);
  if (value instanceof Undefined) throw new PythonError(value.error, value.message);
  throw typeError(`'${typeName(value)}' object is not callable`);
}

/** `value.name(…)`: a call without an intermediate object for the method. */
export function callMethod(
  limits: Limits,
  value: Value,
  name: string,
  args: readonly Value[],
  keywords: Keywords,
): Value {
  const run = methodsOf(value).get(name);
  if (run === undefined) return call(limits, getAttribute(limits, value, name), args, keywords);
  limits.step();
  return run(limits, [value, ...args], keywords);
}
