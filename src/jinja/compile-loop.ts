/** `{% for %}`: with `loop` if the body uses it, with an `if`, an `else`, and recursion. */
import { someNode, type ForNode } from "./ast.js";
import { compileExpression } from "./compile-expression.js";
import { truthy } from "./compare.js";
import { syntaxError } from "./errors.js";
import { assignName, assignTarget, enterScope, leaveScope, readTarget, type CompileBody, type Frame } from "./frame.js";
import { iterate } from "./iterate.js";
import { LoopContext, type Recurse } from "./loop.js";
import { breaks, done, type Activation, type Signal, type Step } from "./rendering.js";
import { FunctionScope, Symbols, undeclaredNames } from "./symbols.js";
import { PyGenerator, type Value } from "./values.js";

/** Runs the loop over these items. `recurse` and `depth` are what `loop(…)` needs. */
type RunLoop = (activation: Activation, items: Value, recurse: Recurse | null, depth: number) => Signal;

export function compileFor(node: ForNode, frame: Frame, compileBody: CompileBody): Step {
  if (someNode([node], (part) => part.type === "Name" && part.use === "store" && part.name === "loop")) {
    throw syntaxError("Can't assign to special loop variable in for-loop target", node.line);
  }
  const iterable = compileExpression(node.iterable, frame);
  const filter = node.test === null ? null : compileTest(node, frame);
  if (!node.recursive) {
    const run = compileRounds(node, frame, frame.symbols.scope, compileBody);
    return (activation) => {
      const items = iterable(activation);
      return run(activation, filter === null ? items : filter(activation, items), null, 0);
    };
  }
  const run = compileRounds(node, frame, new FunctionScope(frame.symbols.scope), compileBody);
  return (activation) => {
    const { rendering } = activation;
    const recurse: Recurse = (items, depth) => {
      rendering.limits.step();
      const inner = { slots: [], parent: activation, rendering };
      return rendering.capture(() => run(inner, filter === null ? items : filter(activation, items), recurse, depth));
    };
    const text = recurse(iterable(activation), 0);
    rendering.output += typeof text === "string" ? text : "";
    return done;
  };
}

/** `for … if …`: the items for which the test is true, evaluated lazily. */
function compileTest(node: ForNode, frame: Frame): (activation: Activation, items: Value) => Value {
  const symbols = new Symbols(frame.symbols, new FunctionScope(frame.symbols.scope));
  symbols.visitLoop(node, "test");
  const inner: Frame = { symbols, soft: false, inLoop: false };
  const [enter, assign, read] = [enterScope(symbols), assignTarget(node.target, inner), readTarget(node.target, inner)];
  const test = node.test === null ? (): Value => true : compileExpression(node.test, inner);
  function* kept(activation: Activation, items: Value): Generator<Value> {
    const own: Activation = { slots: [], parent: activation, rendering: activation.rendering };
    enter(own);
    for (const item of iterate(items)) {
      activation.rendering.limits.step();
      assign(own, item);
      if (truthy(test(own))) yield read(own);
    }
  }
  return (activation, items) => new PyGenerator(kept(activation, items));
}

function compileRounds(node: ForNode, frame: Frame, scope: FunctionScope, compileBody: CompileBody): RunLoop {
  const symbols = new Symbols(frame.symbols, scope);
  const extended = node.recursive || undeclaredNames(node.body, ["loop"]).has("loop");
  if (extended) symbols.declareParameter("loop");
  symbols.visitLoop(node, "body");
  const inner: Frame = { symbols, soft: false, inLoop: true };
  const assign = assignTarget(node.target, inner);
  const setLoop = extended ? assignName("loop", inner) : null;
  const [enter, leave, body] = [enterScope(symbols), leaveScope(symbols), compileBody(node.body, inner)];
  const otherwise = compileElse(node, frame, scope, compileBody);

  const round = (activation: Activation, item: Value): Signal => {
    const { limits, output } = { limits: activation.rendering.limits, output: activation.rendering.output };
    limits.step();
    limits.held(output.length);
    assign(activation, item);
    enter(activation);
    return body(activation);
  };
  return (activation, items, recurse, depth) => {
    // As in Jinja: only a completed round counts, not one that was left with break or continue.
    let ran = false;
    if (setLoop === null) {
      for (const item of iterate(items)) {
        const signal = round(activation, item);
        if (signal === breaks) break;
        ran ||= signal === done;
      }
    } else {
      const loop = new LoopContext(items, recurse, depth);
      for (let item = loop.next(); item !== undefined; item = loop.next()) {
        setLoop(activation, loop);
        const signal = round(activation, item);
        if (signal === breaks) break;
        ran ||= signal === done;
      }
    }
    leave(activation);
    return ran || otherwise === null ? done : otherwise(activation);
  };
}

function compileElse(node: ForNode, frame: Frame, scope: FunctionScope, compileBody: CompileBody): Step | null {
  if (node.otherwise.length === 0) return null;
  const symbols = new Symbols(frame.symbols, scope);
  symbols.visit(node.otherwise);
  const inLoop = frame.inLoop && !node.recursive;
  const [enter, leave] = [enterScope(symbols), leaveScope(symbols)];
  const body = compileBody(node.otherwise, { symbols, soft: false, inLoop });
  return (activation) => {
    enter(activation);
    const signal = body(activation);
    leave(activation);
    return signal;
  };
}
