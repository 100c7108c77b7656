/** Python's dict and its views. */
import { hashKey, type HashKey } from "./hash.js";
import { PyObject, PyTuple, type Value } from "./values.js";

/** Keeps insertion order for every key; keys that are equal in Python (1, 1.0, True) are one. */
export class PyDict extends PyObject {
  readonly typeName = "dict";
  readonly #values = new Map<HashKey, Value>();
  /** The keys that are not their own hash key. */
  #keys: Map<HashKey, Value> | null = null;

  static of(entries: Iterable<readonly [Value, Value]>): PyDict {
    const dict = new PyDict();
    for (const [key, value] of entries) dict.set(key, value);
    return dict;
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: Value): Value | undefined {
    return this.#values.get(hashKey(key));
  }

  has(key: Value): boolean {
    return this.#values.has(hashKey(key));
  }

  /** Only during construction: templates cannot change a dict. */
  set(key: Value, value: Value): void {
    const hash = hashKey(key);
    if (hash !== key && !this.#values.has(hash)) (this.#keys ??= new Map()).set(hash, key);
    this.#values.set(hash, value);
  }

  *keys(): Generator<Value> {
    for (const hash of this.#values.keys()) yield this.#keyOf(hash);
  }

  values(): IterableIterator<Value> {
    return this.#values.values();
  }

  *entries(): Generator<[Value, Value]> {
    for (const [hash, value] of this.#values) yield [this.#keyOf(hash), value];
  }

  #keyOf(hash: HashKey): Value {
    // A hash key that is not listed is the key itself.
    return this.#keys?.get(hash) ?? (this.#keys?.has(hash) === true ? null : (hash as Value));
  }
}

export type ViewKind = "keys" | "values" | "items";

export class DictView extends PyObject {
  readonly kind: ViewKind;
  readonly dict: PyDict;

  constructor(kind: ViewKind, dict: PyDict) {
    super();
    this.kind = kind;
    this.dict = dict;
  }

  get typeName(): string {
    return `dict_${this.kind}`;
  }

  *[Symbol.iterator](): Generator<Value> {
    if (this.kind === "keys") yield* this.dict.keys();
    else if (this.kind === "values") yield* this.dict.values();
    else for (const entry of this.dict.entries()) yield new PyTuple(entry);
  }
}
