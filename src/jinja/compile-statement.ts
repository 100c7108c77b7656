/** Compiles statements to functions that write to the rendering's output. */
import type { AssignBlockNode, Expression, IfNode, Statement, Text, WithNode } from "./ast.js";
import { compileExpression, isFolded } from "./compile-expression.js";
import { compileFor } from "./compile-loop.js";
import { compileCallBlock, compileGeneration, compileMacro } from "./compile-macro.js";
import { PythonError, syntaxError } from "./errors.js";
import { truthy } from "./compare.js";
import { assignTarget, enterScope, leaveScope, type Frame } from "./frame.js";
import { blockResult, breaks, continues, done, type Activation, type Code, type Step } from "./rendering.js";
import { Symbols } from "./symbols.js";
import { str } from "./text.js";
import type { Value } from "./values.js";

export function compileStatements(nodes: readonly Statement[], frame: Frame): Step {
  const steps = nodes.map((node) => compileStatement(node, frame));
  const [first] = steps;
  if (first === undefined) return () => done;
  if (steps.length === 1) return first;
  return (activation) => {
    for (const step of steps) {
      const signal = step(activation);
      if (signal !== done) return signal;
    }
    return done;
  };
}

function compileStatement(node: Statement, frame: Frame): Step {
  switch (node.type) {
    case "Output":
      return output(node.parts, frame);
    case "If":
      return compileIf(node, { ...frame, soft: true });
    case "For":
      return compileFor(node, frame, compileStatements);
    case "Assign": {
      const [assign, value] = [assignTarget(node.target, frame), compileExpression(node.value, frame)];
      return (activation) => {
        assign(activation, value(activation));
        return done;
      };
    }
    case "AssignBlock":
      return assignBlock(node, frame);
    case "Macro":
      return compileMacro(node, frame, compileStatements);
    case "CallBlock":
      return compileCallBlock(node, frame, compileStatements);
    case "Generation":
      return compileGeneration(node.body, frame, compileStatements);
    case "FilterBlock": {
      const symbols = innerSymbols(frame, [...node.body, node.filter]);
      const inner = innerFrame(frame, symbols);
      const [body, filter] = [compileStatements(node.body, inner), compileExpression(node.filter, inner)];
      return capturing(symbols, body, (activation) => {
        const filtered = blockResult(filter(activation));
        activation.rendering.output += filtered;
      });
    }
    case "With":
      return compileWith(node, frame);
    case "Scope": {
      const symbols = innerSymbols(frame, node.body);
      return scoped(symbols, compileStatements(node.body, innerFrame(frame, symbols)));
    }
    case "Break":
    case "Continue": {
      if (!frame.inLoop) throw syntaxError(`'${node.type.toLowerCase()}' outside loop`, node.line);
      const signal = node.type === "Break" ? breaks : continues;
      return () => signal;
    }
    case "OtherTemplate":
      return () => {
        throw new PythonError(
          "TypeError",
          `line ${node.line}: no loader for this environment specified ({% ${node.tag} %})`,
        );
      };
  }
}

/** A scope within the same function. */
export function innerSymbols({ symbols }: Frame, nodes: Parameters<Symbols["visit"]>[0]): Symbols {
  const inner = new Symbols(symbols, symbols.scope);
  inner.visit(nodes);
  return inner;
}

const innerFrame = (frame: Frame, symbols: Symbols): Frame => ({ ...frame, symbols, soft: false });

function scoped(symbols: Symbols, body: Step): Step {
  const [enter, leave] = [enterScope(symbols), leaveScope(symbols)];
  return (activation) => {
    enter(activation);
    const signal = body(activation);
    if (signal === done) leave(activation);
    return signal;
  };
}

const isText = (part: Text | Expression): part is Text => part.type === "Text";

function output(parts: readonly (Text | Expression)[], frame: Frame): Step {
  const writes = parts.map((part): string | Code =>
    isText(part) ? part.text : compileExpression(part, { ...frame, folded: isFolded(part) }),
  );
  const [only] = writes;
  if (writes.length === 1 && typeof only === "string") {
    return ({ rendering }) => {
      rendering.output += only;
      return done;
    };
  }
  return (activation) => {
    const { rendering } = activation;
    for (const write of writes) {
      // Evaluated first: a macro in it captures the output.
      const text = typeof write === "string" ? write : str(write(activation));
      rendering.output += text;
    }
    rendering.limits.step();
    rendering.limits.held(rendering.output.length);
    return done;
  };
}

function compileIf(node: IfNode, frame: Frame): Step {
  const branches = [node, ...node.elifs].map(({ test, body }) => ({
    test: compileExpression(test, frame),
    body: compileStatements(body, frame),
  }));
  const otherwise = compileStatements(node.otherwise, frame);
  return (activation) => {
    for (const { test, body } of branches) if (truthy(test(activation))) return body(activation);
    return otherwise(activation);
  };
}

/** Runs a body in its own scope, and passes on its text, which is also `rendering.blockText`. */
function capturing(symbols: Symbols, body: Step, use: (activation: Activation, text: string) => void): Step {
  const [enter, leave] = [enterScope(symbols), leaveScope(symbols)];
  return (activation) => {
    const { rendering } = activation;
    enter(activation);
    let signal: ReturnType<Step> = done;
    const text = rendering.capture(() => (signal = body(activation)));
    // A break or continue leaves the block: its text is lost, as in Jinja.
    if (isSignal(signal)) return signal;
    rendering.blockText = text;
    use(activation, text);
    leave(activation);
    return done;
  };
}

const isSignal = (signal: ReturnType<Step>): boolean => signal !== done;

function assignBlock(node: AssignBlockNode, frame: Frame): Step {
  const symbols = innerSymbols(frame, node.body);
  const inner = innerFrame(frame, symbols);
  const [body, assign] = [compileStatements(node.body, inner), assignTarget(node.target, frame)];
  const filter = node.filter === null ? null : compileExpression(node.filter, inner);
  return capturing(symbols, body, (activation, text) => {
    const value: Value = filter === null ? text : filter(activation);
    assign(activation, value);
  });
}

function compileWith(node: WithNode, frame: Frame): Step {
  const symbols = innerSymbols(frame, [...node.targets, ...node.body]);
  const inner = innerFrame(frame, symbols);
  const assignments = node.targets.map((target, index) => {
    const value = node.values[index];
    return {
      assign: assignTarget(target, inner),
      value: value === undefined ? (): Value => null : compileExpression(value, frame),
    };
  });
  const body = compileStatements(node.body, inner);
  return scoped(symbols, (activation) => {
    for (const { assign, value } of assignments) assign(activation, value(activation));
    return body(activation);
  });
}
