/** The variable `loop`: Jinja's LoopContext. It reads one item ahead, and all items only if the length is needed. */
import { typeError } from "./errors.js";
import { equals } from "./compare.js";
import { iterate, lengthOrNull } from "./iterate.js";
import { PyCallable, PyFunction, PyTuple, Undefined, type Keywords, type Value } from "./values.js";

/** Renders a recursive loop's body for nested items, one level deeper. */
export type Recurse = (items: Value, depth: number) => Value;

export class LoopContext extends PyCallable {
  readonly typeName = "LoopContext";
  readonly #source: Value;
  readonly #recurse: Recurse | null;
  readonly #depth: number;
  #items: Iterator<Value>;
  #index = -1;
  #length: number | null = null;
  #before: Value | undefined;
  #current: Value | undefined;
  #after: Value | undefined;
  #lastChanged: PyTuple | null = null;

  /** @param depth from 0 */
  constructor(source: Value, recurse: Recurse | null, depth: number) {
    super();
    this.#source = source;
    this.#items = iterate(source)[Symbol.iterator]();
    this.#recurse = recurse;
    this.#depth = depth;
  }

  /** Advances to the next item; undefined at the end. */
  next(): Value | undefined {
    const item = this.#peek();
    this.#after = undefined;
    if (item === undefined) return undefined;
    this.#index++;
    this.#before = this.#current;
    this.#current = item;
    return item;
  }

  #peek(): Value | undefined {
    if (this.#after !== undefined) return this.#after;
    const next = this.#items.next();
    this.#after = next.done === true ? undefined : next.value;
    return this.#after;
  }

  override length(): number {
    if (this.#length !== null) return this.#length;
    this.#length = lengthOrNull(this.#source);
    if (this.#length === null) {
      const rest: Value[] = [];
      for (let item = this.#items.next(); item.done !== true; item = this.#items.next()) rest.push(item.value);
      this.#items = rest[Symbol.iterator]();
      this.#length = rest.length + this.#index + 1 + (this.#after === undefined ? 0 : 1);
    }
    return this.#length;
  }

  override attribute(name: string): Value | undefined {
    switch (name) {
      case "index0":
        return this.#index;
      case "index":
        return this.#index + 1;
      case "first":
        return this.#index === 0;
      case "last":
        return this.#peek() === undefined;
      case "length":
        return this.length();
      case "revindex":
        return this.length() - this.#index;
      case "revindex0":
        return this.length() - this.#index - 1;
      case "depth":
        return this.#depth + 1;
      case "depth0":
        return this.#depth;
      case "previtem":
        return this.#index === 0 ? nothing("previous") : this.#before;
      case "nextitem":
        return this.#peek() === undefined ? nothing("next") : this.#after;
      case "cycle":
        return new PyFunction("cycle", (args) => this.#cycle(args));
      case "changed":
        return new PyFunction("changed", (args) => this.#changed(args));
      default:
        return undefined;
    }
  }

  #cycle(args: readonly Value[]): Value {
    const item = args[this.#index % args.length];
    if (item === undefined) throw typeError("no items for cycling given");
    return item;
  }

  #changed(args: readonly Value[]): boolean {
    const value = new PyTuple(args);
    if (this.#lastChanged !== null && equals(this.#lastChanged, value)) return false;
    this.#lastChanged = value;
    return true;
  }

  override call(args: readonly Value[], keywords: Keywords): Value {
    const [items] = args;
    if (args.length !== 1 || items === undefined || keywords.size > 0) throw typeError("loop() takes one argument");
    if (this.#recurse === null) {
      throw typeError("The loop must have the 'recursive' marker to be called recursively.");
    }
    return this.#recurse(items, this.#depth + 1);
  }

  override iterator(): Iterator<Value> {
    const next = (): IteratorResult<Value> => {
      const item = this.next();
      return item === undefined ? { done: true, value: undefined } : { done: false, value: new PyTuple([item, this]) };
    };
    return { next };
  }

  override repr(): string {
    return `<LoopContext ${this.#index + 1}/${this.length()}>`;
  }
}

const nothing = (which: string): Undefined => new Undefined(() => `there is no ${which} item`);
