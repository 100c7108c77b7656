/** Compiles expressions to functions: decisions are made once here, not at every rendering. */
import { someNode } from "./ast.js";
import type { Arguments, BinaryOperator, CallNode, Comparison, Expression, FilterNode, SliceNode } from "./ast.js";
import { call, callMethod, getAttribute, getItem } from "./attributes.js";
import { contains, equals, order, truthy } from "./compare.js";
import { PythonError, UnsupportedError, isError, syntaxError, typeError } from "./errors.js";
import { filterNamed, testNamed } from "./filters.js";
import { readName, type Frame } from "./frame.js";
import { isIterable, iterate } from "./iterate.js";
import type { Limits } from "./limits.js";
import * as operators from "./operators.js";
import type { Activation, Code } from "./rendering.js";
import { slice } from "./slice.js";
import { str } from "./text.js";
import { PyDict } from "./dict.js";
import { PyFloat, PyTuple, Undefined, noKeywords, typeName, type Keywords, type Value } from "./values.js";
import type { Run } from "./builtin.js";

export function compileExpression(node: Expression, frame: Frame): Code {
  const compile = (part: Expression): Code => compileExpression(part, frame);
  switch (node.type) {
    case "Name":
      return readName(node.name, frame);
    case "Const":
      return constant(node.value);
    case "Tuple":
      return sequence(node.items.map(compile), (items) => new PyTuple(items));
    case "List":
      return sequence(node.items.map(compile), (items) => items);
    case "Dict":
      return dict(node.entries.map(([key, value]) => [compile(key), compile(value)]));
    case "Condition":
      return condition(node, { ...frame, soft: true });
    case "Filter":
      return filter(node, frame);
    case "Test":
      return applied(() => testNamed(node.name), compile(node.operand), node.arguments, frame);
    case "Call":
      return compileCall(node, frame, null);
    case "Item":
      return item(node.object, node.index, frame);
    case "Attribute": {
      const [object, { name }] = [compile(node.object), node];
      return (activation) => getAttribute(activation.rendering.limits, object(activation), name);
    }
    case "Concat":
      return concat(node.parts.map(compile));
    case "Compare":
      return compare(
        compile(node.first),
        node.rest.map(([operator, operand]) => [operator, compile(operand)]),
      );
    case "Binary":
      return binary(node.operator, compile(node.left), compile(node.right));
    case "And": {
      const [left, right] = [compile(node.left), compile(node.right)];
      return (activation) => {
        const value = left(activation);
        return truthy(value) ? right(activation) : value;
      };
    }
    case "Or": {
      const [left, right] = [compile(node.left), compile(node.right)];
      return (activation) => {
        const value = left(activation);
        return truthy(value) ? value : right(activation);
      };
    }
    case "Not": {
      const operand = compile(node.operand);
      return (activation) => !truthy(operand(activation));
    }
    case "Negative":
    case "Positive": {
      const [operand, sign] = [compile(node.operand), node.type === "Negative" ? "-" : "+"] as const;
      return (activation) => operators.signed(sign, operand(activation));
    }
    case "Slice":
    case "NSRef":
      throw new UnsupportedError(`line ${node.line}: a slice within a tuple of indices`);
  }
}

function constant(value: Value): Code {
  if (value instanceof PyFloat && !Number.isFinite(value.value)) {
    throw new UnsupportedError("a number too large for a float");
  }
  return () => value;
}

const sequence =
  (codes: readonly Code[], make: (items: Value[]) => Value): Code =>
  (activation) =>
    make(codes.map((code) => code(activation)));

const dict =
  (entries: readonly (readonly [Code, Code])[]): Code =>
  (activation) => {
    const made = new PyDict();
    for (const [key, value] of entries) made.set(key(activation), value(activation));
    return made;
  };

function condition(node: Extract<Expression, { type: "Condition" }>, frame: Frame): Code {
  const [test, then] = [compileExpression(node.test, frame), compileExpression(node.then, frame)];
  const otherwise = node.otherwise === null ? null : compileExpression(node.otherwise, frame);
  const message = `the inline if-expression on line ${node.line} evaluated to false and no else section was defined.`;
  const missing = (): Value => new Undefined(() => message);
  return (activation) => (truthy(test(activation)) ? then : (otherwise ?? missing))(activation);
}

/** The text of a block is its first filter's operand. */
function filter(node: FilterNode, frame: Frame): Code {
  const operand: Code =
    node.operand === null ? ({ rendering }) => rendering.blockText : compileExpression(node.operand, frame);
  return applied(() => filterNamed(node.name), operand, node.arguments, frame, node.line);
}

/** A filter or test; an unknown one is an error now, or within an `if` when it is reached. */
function applied(find: () => Run, operand: Code, args: Arguments, frame: Frame, line?: number): Code {
  let run: Run;
  try {
    run = find();
  } catch (error) {
    if (!frame.soft) throw located(error, line);
    run = (limits, values, keywords) => find()(limits, values, keywords);
  }
  const given = argumentsOf(args, frame);
  if (given === null)
    return (activation) => {
      const { limits } = activation.rendering;
      limits.step();
      return run(limits, [operand(activation)], noKeywords);
    };
  return (activation) => {
    const value = operand(activation);
    const { positional, keywords } = given(activation);
    activation.rendering.limits.step();
    return run(activation.rendering.limits, [value, ...positional], keywords);
  };
}

function located(error: unknown, line: number | undefined): unknown {
  if (line === undefined || !(error instanceof PythonError)) return error;
  return syntaxError(error.message, line);
}

interface GivenArguments {
  readonly positional: readonly Value[];
  readonly keywords: Keywords;
}

/** null if there are none. */
function argumentsOf(node: Arguments, frame: Frame): ((activation: Activation) => GivenArguments) | null {
  const codes = node.args.map((arg) => compileExpression(arg, frame));
  const named = node.keywords.map(([name, value]) => [name, compileExpression(value, frame)] as const);
  const rest = node.rest === null ? null : compileExpression(node.rest, frame);
  const keywordRest = node.keywordRest === null ? null : compileExpression(node.keywordRest, frame);
  const plain = named.length === 0 && rest === null && keywordRest === null;
  if (plain && codes.length === 0) return null;
  if (plain) return (activation) => ({ positional: codes.map((code) => code(activation)), keywords: noKeywords });
  return (activation) => {
    const positional = codes.map((code) => code(activation));
    const keywords = new Map(named.map(([name, code]) => [name, code(activation)]));
    if (rest !== null) positional.push(...unpacked(rest(activation)));
    if (keywordRest !== null) mergeKeywords(keywords, keywordRest(activation));
    return { positional, keywords };
  };
}

function unpacked(value: Value): Iterable<Value> {
  if (!isIterable(value)) throw typeError(`argument after * must be an iterable, not ${typeName(value)}`);
  return iterate(value);
}

function mergeKeywords(keywords: Map<string, Value>, value: Value): void {
  if (!(value instanceof PyDict)) throw typeError(`argument after ** must be a mapping, not ${typeName(value)}`);
  for (const [key, item] of value.entries()) {
    if (typeof key !== "string") throw typeError("keywords must be strings");
    if (keywords.has(key)) throw typeError(`got multiple values for keyword argument '${key}'`);
    keywords.set(key, item);
  }
}

/** @param caller the macro that a call block passes on, or null */
export function compileCall(node: CallNode, frame: Frame, caller: Code | null): Code {
  const given = argumentsOf(node.arguments, frame);
  const none: GivenArguments = { positional: [], keywords: noKeywords };
  const argumentsWith = (activation: Activation): GivenArguments => {
    const { positional, keywords } = given?.(activation) ?? none;
    if (caller === null) return { positional, keywords };
    return { positional, keywords: new Map(keywords).set("caller", caller(activation)) };
  };
  if (node.callee.type === "Attribute") {
    const [object, { name }] = [compileExpression(node.callee.object, frame), node.callee];
    return (activation) => {
      const value = object(activation);
      const { positional, keywords } = argumentsWith(activation);
      return callMethod(activation.rendering.limits, value, name, positional, keywords);
    };
  }
  const callee = compileExpression(node.callee, frame);
  return (activation) => {
    const value = callee(activation);
    const { positional, keywords } = argumentsWith(activation);
    return call(activation.rendering.limits, value, positional, keywords);
  };
}

function item(object: Expression, index: Expression, frame: Frame): Code {
  const compiled = compileExpression(object, frame);
  if (index.type === "Slice") return sliced(compiled, index, frame);
  const key = compileExpression(index, frame);
  return (activation) => getItem(activation.rendering.limits, compiled(activation), key(activation));
}

function orUndefined(run: () => Value): Value {
  try {
    return run();
  } catch (error) {
    if (!isError(error, "TypeError")) throw error;
    return new Undefined(() => "a constant can't be sliced");
  }
}

/** Filters that Jinja does not evaluate at compile time. */
const late: ReadonlySet<string> = new Set(["map", "random", "reject", "rejectattr", "select", "selectattr"]);

/** Whether Jinja evaluates a printed expression at compile time: one without names and calls. */
export function isFolded(node: Expression): boolean {
  return !someNode(
    [node],
    (part) => part.type === "Name" || part.type === "Call" || (part.type === "Filter" && late.has(part.name)),
  );
}

function sliced(object: Code, { start, stop, step }: SliceNode, frame: Frame): Code {
  const bound = (node: Expression | null): Code => (node === null ? () => null : compileExpression(node, frame));
  const [from, to, by] = [bound(start), bound(stop), bound(step)];
  return (activation) => {
    const value = object(activation);
    const range = { start: from(activation), stop: to(activation), step: by(activation) };
    // Only the slice itself: an error in what is sliced is raised.
    return frame.folded === true ? orUndefined(() => slice(value, range)) : slice(value, range);
  };
}

const concat =
  (parts: readonly Code[]): Code =>
  (activation) => {
    let text = "";
    for (const part of parts) text += str(part(activation));
    activation.rendering.limits.held(text.length);
    return text;
  };

const comparisons: Readonly<Record<Comparison, (a: Value, b: Value) => boolean>> = {
  "==": equals,
  "!=": (a, b) => !equals(a, b),
  "<": (a, b) => order(a, b, "<"),
  "<=": (a, b) => order(a, b, "<="),
  ">": (a, b) => order(a, b, ">"),
  ">=": (a, b) => order(a, b, ">="),
  in: (a, b) => contains(b, a),
  "not in": (a, b) => !contains(b, a),
};

function compare(first: Code, rest: readonly (readonly [Comparison, Code])[]): Code {
  const [only] = rest;
  if (rest.length === 1 && only !== undefined) {
    const [holds, operand] = [comparisons[only[0]], only[1]];
    return (activation) => {
      activation.rendering.limits.step();
      return holds(first(activation), operand(activation));
    };
  }
  return (activation) => {
    let left = first(activation);
    for (const [operator, operand] of rest) {
      const right = operand(activation);
      activation.rendering.limits.step();
      if (!comparisons[operator](left, right)) return false;
      left = right;
    }
    return true;
  };
}

const binaries: Partial<Readonly<Record<BinaryOperator, (limits: Limits, a: Value, b: Value) => Value>>> = {
  "+": operators.add,
  "*": operators.multiply,
  "%": operators.modulo,
};

function binary(operator: BinaryOperator, left: Code, right: Code): Code {
  const run = binaries[operator];
  if (run === undefined) return (activation) => operators.otherBinary(operator, left(activation), right(activation));
  return (activation) => run(activation.rendering.limits, left(activation), right(activation));
}
