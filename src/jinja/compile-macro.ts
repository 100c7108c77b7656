/** `{% macro %}`, `{% call %}` and `{% generation %}`: bodies that are separate functions. */
import type { CallBlockNode, MacroNode, Signature, Statement } from "./ast.js";
import { compileCall, compileExpression } from "./compile-expression.js";
import { syntaxError } from "./errors.js";
import { assignName, enterScope, type CompileBody, type Frame } from "./frame.js";
import { Macro } from "./macro.js";
import { blockResult, done, type Activation, type Code, type Step } from "./rendering.js";
import { FunctionScope, Symbols, undeclaredNames } from "./symbols.js";
import { Undefined } from "./values.js";

interface Definition extends Signature {
  readonly name: string | null;
  readonly body: readonly Statement[];
  readonly line: number;
}

const special = ["caller", "kwargs", "varargs"] as const;

/** Code that creates the macro, each time it runs, with the enclosing variables. */
function compileDefinition(
  node: Definition,
  frame: Frame,
  compileBody: CompileBody,
): (activation: Activation) => Macro {
  const { parameters, defaults, body } = node;
  const symbols = new Symbols(frame.symbols, new FunctionScope(frame.symbols.scope));
  const everything = [...parameters, ...defaults, ...body];
  symbols.visit(everything);
  const names = parameters.map(({ name }) => name);
  const used = undeclaredNames(body, special);
  const explicitCaller = names.indexOf("caller");
  if (used.has("caller") && explicitCaller >= 0 && names.length - explicitCaller > defaults.length) {
    throw syntaxError('the special "caller" argument must be omitted or be given a default', node.line);
  }
  const implicit = special.filter((name) => used.has(name) && !names.includes(name));
  for (const name of implicit) symbols.declareParameter(name);
  symbols.visit(everything);
  return instantiate(node, symbols, implicit, used.has("caller"), compileBody);
}

function instantiate(
  node: Definition,
  symbols: Symbols,
  implicit: readonly string[],
  takesCaller: boolean,
  compileBody: CompileBody,
): (activation: Activation) => Macro {
  const names = node.parameters.map(({ name }) => name);
  const signature = {
    name: node.name,
    parameters: names,
    takesKeywords: implicit.includes("kwargs"),
    takesRest: implicit.includes("varargs"),
    takesCaller,
  };
  const frame: Frame = { symbols, soft: false, inLoop: false };
  const slots = [...names, ...implicit].map((name) => symbols.scope.slot(`${symbols.level} ${name}`));
  const enter = enterScope(symbols);
  const firstDefault = names.length - node.defaults.length;
  const fallbacks = names.map((name, index): Code => {
    const fallback = node.defaults[index - firstDefault];
    if (fallback !== undefined) return compileExpression(fallback, frame);
    return () => new Undefined(() => `parameter '${name}' was not provided`);
  });
  const body = compileBody(node.body, frame);
  return (parent) => {
    const { rendering } = parent;
    return new Macro(signature, (values) => {
      const own: Activation = { slots: [], parent, rendering };
      values.forEach((value, index) => (own.slots[slots[index] ?? 0] = value));
      return rendering.capture(() => {
        enter(own);
        fallbacks.forEach((fallback, index) => {
          const slot = slots[index] ?? 0;
          if (own.slots[slot] === undefined) own.slots[slot] = fallback(own);
        });
        body(own);
      });
    });
  };
}

export function compileMacro(node: MacroNode, frame: Frame, compileBody: CompileBody): Step {
  const [define, assign] = [compileDefinition(node, frame, compileBody), assignName(node.name, frame)];
  return (activation) => {
    assign(activation, define(activation));
    return done;
  };
}

export function compileCallBlock(node: CallBlockNode, frame: Frame, compileBody: CompileBody): Step {
  if (node.call.arguments.keywords.some(([name]) => name === "caller")) {
    throw syntaxError("keyword argument repeated: caller", node.line);
  }
  const call = compileCall(node.call, frame, compileDefinition({ ...node, name: null }, frame, compileBody));
  return (activation) => {
    const text = blockResult(call(activation));
    activation.rendering.output += text;
    return done;
  };
}

/** transformers compiles it as a call block, so that variables set in it are local. */
export function compileGeneration(body: readonly Statement[], frame: Frame, compileBody: CompileBody): Step {
  const define = compileDefinition({ name: null, parameters: [], defaults: [], body, line: 0 }, frame, compileBody);
  return (activation) => {
    const { rendering } = activation;
    const text = blockResult(define(activation).call([], new Map()));
    const [start, end] = rendering.generationMarks;
    rendering.output += start + text + end;
    return done;
  };
}
