/**
 * Python's values, as far as templates use them. `null` is None, a string is a str, an array a list; a number is
 * always a safe integer and, with bigint, an int; the rest are objects with the name of their Python type.
 */
export type Int = number | bigint;
export type Value = null | boolean | Int | string | Value[] | PyObject;

export abstract class PyObject {
  /** `type(value).__name__`. */
  abstract readonly typeName: string;

  /** `getattr(self, name)` of an object that has attributes of its own; undefined if there is none of this name. */
  attribute?(name: string): Value | undefined;

  /** `repr(self)`; null if Python's has an address in memory. */
  repr(): string | null {
    return null;
  }

  /** `iter(self)`; null if it can't be iterated. */
  iterator(): Iterator<Value> | null {
    return null;
  }

  /** `len(self)`; null if it has none. */
  length(): number | null {
    return null;
  }
}

export class PyFloat extends PyObject {
  readonly typeName = "float";
  readonly value: number;

  constructor(value: number) {
    super();
    this.value = value;
  }
}

export class PyTuple extends PyObject {
  readonly typeName = "tuple";
  readonly items: readonly Value[];
  /** Names of a named tuple's items: groupby gives `grouper` and `list`. */
  readonly fields: readonly string[];

  constructor(items: readonly Value[], fields: readonly string[] = []) {
    super();
    this.items = items;
    this.fields = fields;
  }
}

/** A str that is already HTML: the result of `safe` and `escape`. */
export class Markup extends PyObject {
  readonly typeName = "Markup";
  readonly text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }
}

export class PyRange extends PyObject {
  readonly typeName = "range";
  readonly start: number;
  readonly stop: number;
  readonly step: number;
  readonly count: number;

  constructor(start: number, stop: number, step: number) {
    super();
    this.start = start;
    this.stop = stop;
    this.step = step;
    this.count = Math.max(0, Math.ceil((stop - start) / step));
  }

  at(index: number): number {
    return this.start + index * this.step;
  }
}

/** An iterator that can be used once: the result of `map`, `select`, `batch`, `reverse` … */
export class PyGenerator extends PyObject {
  readonly typeName = "generator";
  readonly #items: Iterator<Value>;

  constructor(items: Iterator<Value>) {
    super();
    this.#items = items;
  }

  override iterator(): Iterator<Value> {
    return this.#items;
  }
}

export class Namespace extends PyObject {
  readonly typeName = "Namespace";
  readonly attributes: Map<string, Value>;

  constructor(attributes: Map<string, Value>) {
    super();
    this.attributes = attributes;
  }

  override attribute(name: string): Value | undefined {
    return this.attributes.get(name);
  }
}

/**
 * Jinja's Undefined: prints as nothing, is empty and false; everything else with it is an error, which is `message`.
 */
export class Undefined extends PyObject {
  readonly typeName = "Undefined";
  readonly #message: () => string;
  readonly error: "UndefinedError" | "SecurityError";

  constructor(message: () => string, error: "UndefinedError" | "SecurityError" = "UndefinedError") {
    super();
    this.#message = message;
    this.error = error;
  }

  get message(): string {
    return this.#message();
  }
}

export type Keywords = ReadonlyMap<string, Value>;
export const noKeywords: Keywords = new Map();

/** Something that a template can call. */
export abstract class PyCallable extends PyObject {
  abstract call(args: readonly Value[], keywords: Keywords): Value;
}

/** A function of ours: a global, or a method bound to its object. */
export class PyFunction extends PyCallable {
  readonly typeName = "function";
  readonly name: string;
  readonly #run: (args: readonly Value[], keywords: Keywords) => Value;

  constructor(name: string, run: (args: readonly Value[], keywords: Keywords) => Value) {
    super();
    this.name = name;
    this.#run = run;
  }

  call(args: readonly Value[], keywords: Keywords): Value {
    return this.#run(args, keywords);
  }
}

/** `type(value).__name__`. */
export function typeName(value: Value): string {
  if (value === null) return "NoneType";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number" || typeof value === "bigint") return "int";
  if (typeof value === "string") return "str";
  return Array.isArray(value) ? "list" : value.typeName;
}
