/** The global functions of transformers' environment. */
import { intArgument, textArgument } from "./arguments.js";
import { bindArguments } from "./builtin.js";
import { PythonError, UnsupportedError, typeError, valueError } from "./errors.js";
import { isIterable, itemsOf, iterate } from "./iterate.js";
import { str } from "./text.js";
import { PyDict } from "./dict.js";
import { Namespace, PyCallable, PyFunction, PyRange, PyTuple, type Keywords, type Value } from "./values.js";

/** Maximum length of a range in Jinja's sandbox. */
const maxRange = 100_000;

function range(args: readonly Value[]): Value {
  const [first = 0, second = 0, third = 1] = args.map(intArgument);
  if (args.length === 0 || args.length > 3) throw typeError(`range expected 1 to 3 arguments, got ${args.length}`);
  if (third === 0) throw valueError("range() arg 3 must not be zero");
  const made = args.length === 1 ? new PyRange(0, first, 1) : new PyRange(first, second, third);
  if (made.count > maxRange) {
    throw new PythonError(
      "OverflowError",
      `Range too big. The sandbox blocks ranges larger than MAX_RANGE (${maxRange}).`,
    );
  }
  return made;
}

function pair(item: Value): readonly [Value, Value] {
  const parts = isIterable(item) ? itemsOf(item) : [];
  const [key, value] = parts;
  if (parts.length !== 2 || key === undefined || value === undefined) {
    throw valueError("dictionary update sequence element must have a length of 2");
  }
  return [key, value];
}

/** `dict(mapping or pairs, **keywords)`. */
function makeDict(args: readonly Value[], keywords: Keywords): PyDict {
  if (args.length > 1) throw typeError(`dict expected at most 1 argument, got ${args.length}`);
  const [source] = args;
  const dict = new PyDict();
  const entries =
    source === undefined ? [] : source instanceof PyDict ? source.entries() : Array.from(iterate(source), pair);
  for (const [key, value] of entries) dict.set(key, value);
  for (const [key, value] of keywords) dict.set(key, value);
  return dict;
}

/** transformers' stand-in for Python's dict. */
class DictGlobal extends PyCallable {
  readonly typeName = "TemplateDict";

  override call(args: readonly Value[], keywords: Keywords): Value {
    return makeDict(args, keywords);
  }

  override attribute(name: string): Value | undefined {
    if (name !== "fromkeys") return undefined;
    return new PyFunction(name, (args) => {
      const [keys = null, value = null] = bindArguments(name, ["iterable", ["value", null]], args, new Map());
      return PyDict.of(Array.from(iterate(keys), (key) => [key, value] as const));
    });
  }
}

/** transformers refuses names that start with an underscore. */
export function checkNamespaceName(name: string): void {
  if (!name.startsWith("_")) return;
  throw new PythonError(
    "SecurityError",
    `Chat templates cannot store underscore-prefixed attributes on a namespace, but got '${name}'.`,
  );
}

function makeNamespace(args: readonly Value[], keywords: Keywords): Value {
  const attributes = new Map<string, Value>();
  for (const [key, value] of makeDict(args, keywords).entries()) {
    if (typeof key !== "string") throw new UnsupportedError("a namespace with keys that are not text");
    checkNamespaceName(key);
    attributes.set(key, value);
  }
  return new Namespace(attributes);
}

class Cycler extends PyCallable {
  readonly typeName = "Cycler";
  readonly #items: readonly Value[];
  #position = 0;

  constructor(items: readonly Value[]) {
    super();
    if (items.length === 0) throw new PythonError("RuntimeError", "at least one item has to be provided");
    this.#items = items;
  }

  get #current(): Value {
    return this.#items[this.#position] ?? null;
  }

  override attribute(name: string): Value | undefined {
    switch (name) {
      case "current":
        return this.#current;
      case "items":
        return new PyTuple(this.#items);
      case "pos":
        return this.#position;
      case "reset":
        return new PyFunction(name, () => {
          this.#position = 0;
          return null;
        });
      case "next":
        return new PyFunction(name, () => {
          const current = this.#current;
          this.#position = (this.#position + 1) % this.#items.length;
          return current;
        });
      default:
        return undefined;
    }
  }

  override call(): Value {
    throw typeError("'Cycler' object is not callable");
  }
}

/** Writes its separator every time but the first. */
function makeJoiner(args: readonly Value[], keywords: Keywords): Value {
  const [separator = ""] = bindArguments("joiner", [["sep", ", "]], args, keywords);
  let used = false;
  return new PyFunction("joiner", () => {
    if (used) return separator;
    used = true;
    return "";
  });
}

const functions: Readonly<Record<string, (args: readonly Value[], keywords: Keywords) => Value>> = {
  range,
  namespace: makeNamespace,
  cycler: (args) => new Cycler(args),
  joiner: makeJoiner,
  lipsum: () => {
    throw new UnsupportedError("the function 'lipsum'");
  },
  raise_exception: (args, keywords) => {
    const [message = null] = bindArguments("raise_exception", ["message"], args, keywords);
    throw new PythonError("TemplateError", str(message));
  },
};

/** @param formatNow the current time under one of `strftime`'s formats */
export function makeGlobals(formatNow: (format: string) => string): Map<string, Value> {
  const globals = new Map<string, Value>([["dict", new DictGlobal()]]);
  for (const [name, run] of Object.entries(functions)) globals.set(name, new PyFunction(name, run));
  const now = (args: readonly Value[], keywords: Keywords): Value =>
    formatNow(textArgument(bindArguments("strftime_now", ["format"], args, keywords)[0] ?? null));
  globals.set("strftime_now", new PyFunction("strftime_now", now));
  return globals;
}
