/** A scope while it is compiled, and code that reads, assigns, enters and leaves its variables. */
import type { Statement, Target } from "./ast.js";
import { PythonError, UnsupportedError, typeError, valueError } from "./errors.js";
import { checkNamespaceName } from "./globals.js";
import { isIterable, itemsOf } from "./iterate.js";
import type { Activation, Code, Step } from "./rendering.js";
import type { FunctionScope, Reference, Symbols } from "./symbols.js";
import { Namespace, PyTuple, Undefined, typeName, type Value } from "./values.js";

export interface Frame {
  readonly symbols: Symbols;
  /** Within an `if`: an unknown filter is an error only when it is reached. */
  readonly soft: boolean;
  /** Whether `break` and `continue` have a loop. */
  readonly inLoop: boolean;
  /** Within what Jinja writes as a constant: there, a slice of what can't be sliced is undefined, not an error. */
  readonly folded?: boolean;
}

/** The compiler of statements, for nested ones. */
export type CompileBody = (nodes: readonly Statement[], frame: Frame) => Step;
export type Assign = (activation: Activation, value: Value) => void;
type Read = (activation: Activation) => Value | undefined;

function readReference({ variable, scope }: Reference, from: FunctionScope): Read {
  const slot = scope.slot(variable);
  let depth = 0;
  for (let at: FunctionScope | null = from; at !== null && at !== scope; at = at.parent) depth++;
  if (depth === 0) return ({ slots }) => slots[slot];
  if (depth === 1) return ({ parent }) => parent?.slots[slot];
  return (activation) => {
    let at: Activation | null = activation;
    for (let up = 0; up < depth; up++) at = at?.parent ?? null;
    return at?.slots[slot];
  };
}

function referenceOf(name: string, { symbols }: Frame): Reference {
  const reference = symbols.find(name);
  if (reference === null) throw new UnsupportedError(`the name '${name}' in the filter of a set block`);
  return reference;
}

/** The value of a name, or Undefined. */
export function readName(name: string, frame: Frame): Code {
  const read = readReference(referenceOf(name, frame), frame.symbols.scope);
  return (activation) => {
    const value = read(activation);
    return value === undefined ? new Undefined(() => `'${name}' is undefined`) : value;
  };
}

export function assignName(name: string, frame: Frame): Assign {
  const { variable, scope } = referenceOf(name, frame);
  const slot = scope.slot(variable);
  return ({ slots }, value) => {
    slots[slot] = value;
  };
}

export function assignTarget(target: Target, frame: Frame): Assign {
  if (target.type === "Name") return assignName(target.name, frame);
  if (target.type === "NSRef") {
    checkNamespaceName(target.attribute);
    const read = readName(target.name, frame);
    return (activation, value) => {
      const namespace = read(activation);
      if (!(namespace instanceof Namespace)) {
        throw new PythonError("TemplateRuntimeError", "cannot assign attribute on non-namespace object");
      }
      namespace.attributes.set(target.attribute, value);
    };
  }
  const assigns = target.items.map((item) => assignTarget(asTarget(item), frame));
  return (activation, value) => {
    const items = unpack(value, assigns.length);
    assigns.forEach((assign, index) => {
      assign(activation, items[index] ?? null);
    });
  };
}

function asTarget(node: { readonly type: string }): Target {
  if (node.type === "Name" || node.type === "NSRef" || node.type === "Tuple") return node as Target;
  throw new PythonError("TemplateSyntaxError", `can't assign to '${node.type}'`);
}

function unpack(value: Value, count: number): readonly Value[] {
  if (!isIterable(value)) throw typeError(`cannot unpack non-iterable ${typeName(value)} object`);
  const items = itemsOf(value);
  if (items.length < count) throw valueError(`not enough values to unpack (expected ${count}, got ${items.length})`);
  if (items.length > count) throw valueError(`too many values to unpack (expected ${count})`);
  return items;
}

/** The value of a target, as passed on by a loop's `if`. */
export function readTarget(target: Target, frame: Frame): Code {
  if (target.type !== "Tuple") return readName(target.name, frame);
  const reads = target.items.map((item) => readTarget(asTarget(item), frame));
  return (activation) => new PyTuple(reads.map((read) => read(activation)));
}

/** Sets the variables of a scope to their initial values. */
export function enterScope(symbols: Symbols): (activation: Activation) => void {
  const starts: ((activation: Activation) => void)[] = [];
  for (const [variable, load] of symbols.loads) {
    if (load.kind === "parameter") continue;
    const slot = symbols.scope.slot(variable);
    if (load.kind === "resolve") {
      starts.push(({ slots, rendering }) => (slots[slot] = rendering.context.get(load.name)));
    } else if (load.kind === "alias") {
      const read = readReference(load.of, symbols.scope);
      starts.push((activation) => (activation.slots[slot] = read(activation)));
    } else {
      starts.push(({ slots }) => (slots[slot] = undefined));
    }
  }
  return (activation) => {
    for (const start of starts) start(activation);
  };
}

/** Clears the variables of a scope within a function. */
export function leaveScope(symbols: Symbols): (activation: Activation) => void {
  const slots = Array.from(symbols.loads.keys(), (variable) => symbols.scope.slot(variable));
  return (activation) => {
    for (const slot of slots) activation.slots[slot] = undefined;
  };
}
