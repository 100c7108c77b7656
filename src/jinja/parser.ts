/**
 * Jinja's statements. Every `#tag` function is one of Jinja's `parse_…`; the tags are those of transformers'
 * environment.
 */
import type { CallBlockNode, Expression, IfNode, NameNode, Signature, Statement, Target, Text } from "./ast.js";
import { UnsupportedError, syntaxError } from "./errors.js";
import { ExpressionParser } from "./expression-parser.js";
import { tokenize } from "./lexer.js";
import { TokenStream } from "./token-stream.js";

class Parser {
  readonly #stream: TokenStream;
  readonly #expressions: ExpressionParser;
  /** Tags that are open, innermost last. */
  readonly #open: string[] = [];
  readonly #tags: Readonly<Record<string, (line: number) => Statement>> = {
    for: (line) => this.#for(line),
    if: (line) => this.#if(line),
    set: (line) => this.#set(line),
    macro: (line) => this.#macro(line),
    call: (line) => this.#callBlock(line),
    filter: (line) => this.#filterBlock(line),
    with: (line) => this.#with(line),
    print: (line) => this.#print(line),
    generation: (line) => this.#generation(line),
    autoescape: (line) => this.#autoescape(line),
    break: (line) => ({ type: "Break", line }),
    continue: (line) => ({ type: "Continue", line }),
    include: (line) => this.#include(line),
    extends: (line) => this.#extends(line),
    import: (line) => this.#import(line),
    from: (line) => this.#from(line),
    block: (line) => {
      throw new UnsupportedError(`line ${line}: the tag 'block'`);
    },
  };

  constructor(source: string) {
    this.#stream = new TokenStream(tokenize(source));
    this.#expressions = new ExpressionParser(this.#stream);
  }

  template(): Statement[] {
    return this.#statements([]);
  }

  /** Up to one of the end tags, whose name stays the current token; to the template's end if there is none. */
  #statements(ends: readonly string[]): Statement[] {
    const stream = this.#stream;
    const body: Statement[] = [];
    let parts: (Text | Expression)[] = [];
    const flush = (): void => {
      const [first] = parts;
      if (first !== undefined) body.push({ type: "Output", parts, line: first.line });
      parts = [];
    };
    while (!stream.is("eof")) {
      if (stream.is("data")) {
        const { text, line } = stream.next();
        parts.push({ type: "Text", text, line });
      } else if (stream.is("variable_begin")) {
        stream.next();
        parts.push(this.#expressions.tuple());
        stream.expect("variable_end");
      } else {
        flush();
        stream.expect("block_begin");
        if (ends.length > 0 && stream.isName(...ends)) return body;
        body.push(this.#statement(ends));
        stream.expect("block_end");
      }
    }
    flush();
    if (ends.length > 0)
      throw this.#unclosed(`Unexpected end of template. Jinja was looking for the following tags: ${either(ends)}.`);
    return body;
  }

  #statement(ends: readonly string[]): Statement {
    const { type, text, line } = this.#stream.current;
    if (type !== "name") throw this.#stream.fail("tag name expected");
    const parse = Object.hasOwn(this.#tags, text) ? this.#tags[text] : undefined;
    if (parse === undefined) {
      const looking = ends.length === 0 ? "" : ` Jinja was looking for the following tags: ${either(ends)}.`;
      throw this.#unclosed(`Encountered unknown tag '${text}'.${looking}`);
    }
    this.#stream.next();
    this.#open.push(text);
    const statement = parse(line);
    this.#open.pop();
    return statement;
  }

  #unclosed(message: string): Error {
    const innermost = this.#open.at(-1);
    const open = innermost === undefined ? "" : ` The innermost block that needs to be closed is '${innermost}'.`;
    return syntaxError(message + open, this.#stream.line);
  }

  /** A tag's body: its end, and everything up to one of the end tags. */
  #body(...ends: readonly string[]): Statement[] {
    this.#stream.skipOperator(":");
    this.#stream.expect("block_end");
    return this.#statements(ends);
  }

  #bodyUpTo(end: string): Statement[] {
    const body = this.#body(end);
    this.#stream.next();
    return body;
  }

  #for(line: number): Statement {
    const stream = this.#stream;
    const target = this.#expressions.target({ end: "in" });
    stream.expectName("in");
    const iterable = this.#expressions.tuple({ conditions: false, end: "recursive" });
    const test = stream.skipName("if") ? this.#expressions.expression() : null;
    const recursive = stream.skipName("recursive");
    const body = this.#body("endfor", "else");
    const otherwise = stream.next().text === "endfor" ? [] : this.#bodyUpTo("endfor");
    return { type: "For", target, iterable, body, otherwise, test, recursive, line };
  }

  #if(line: number): Statement {
    const first = this.#branch(line);
    const elifs: IfNode[] = [];
    for (;;) {
      const end = this.#stream.next();
      if (end.text === "elif") elifs.push(this.#branch(end.line));
      else return { ...first, elifs, otherwise: end.text === "else" ? this.#bodyUpTo("endif") : [] };
    }
  }

  #branch(line: number): IfNode {
    const test = this.#expressions.tuple({ conditions: false });
    return { type: "If", test, body: this.#body("elif", "else", "endif"), elifs: [], otherwise: [], line };
  }

  #set(line: number): Statement {
    const target = this.#expressions.target({ namespaces: true });
    if (this.#stream.skipOperator("=")) return { type: "Assign", target, value: this.#expressions.tuple(), line };
    const filter = this.#expressions.filters(null);
    const body = this.#bodyUpTo("endset");
    return { type: "AssignBlock", target, filter: filter?.type === "Filter" ? filter : null, body, line };
  }

  #signature(): Signature {
    const stream = this.#stream;
    const parameters: NameNode[] = [];
    const defaults: Expression[] = [];
    stream.expectOperator("(");
    while (!stream.isOperator(")")) {
      if (parameters.length > 0) stream.expectOperator(",");
      const parameter = this.#expressions.nameTarget("param");
      if (parameters.some(({ name }) => name === parameter.name)) {
        throw stream.fail(`duplicate argument '${parameter.name}' in function definition`, parameter.line);
      }
      if (stream.skipOperator("=")) defaults.push(this.#expressions.expression());
      else if (defaults.length > 0) throw stream.fail("non-default argument follows default argument");
      parameters.push(parameter);
    }
    stream.expectOperator(")");
    return { parameters, defaults };
  }

  #macro(line: number): Statement {
    const { name } = this.#expressions.nameTarget("store");
    const signature = this.#signature();
    return { type: "Macro", name, ...signature, body: this.#bodyUpTo("endmacro"), line };
  }

  #callBlock(line: number): CallBlockNode {
    const signature = this.#stream.isOperator("(") ? this.#signature() : { parameters: [], defaults: [] };
    const call = this.#expressions.expression();
    if (call.type !== "Call") throw this.#stream.fail("expected call", line);
    return { type: "CallBlock", call, ...signature, body: this.#bodyUpTo("endcall"), line };
  }

  #filterBlock(line: number): Statement {
    const filter = this.#expressions.filters(null, true);
    if (filter?.type !== "Filter") throw this.#stream.noExpression();
    return { type: "FilterBlock", filter, body: this.#bodyUpTo("endfilter"), line };
  }

  #with(line: number): Statement {
    const targets: Target[] = [];
    const values: Expression[] = [];
    while (!this.#stream.is("block_end")) {
      if (targets.length > 0) this.#stream.expectOperator(",");
      targets.push(asParameter(this.#expressions.target()));
      this.#stream.expectOperator("=");
      values.push(this.#expressions.expression());
    }
    return { type: "With", targets, values, body: this.#bodyUpTo("endwith"), line };
  }

  #print(line: number): Statement {
    const parts: Expression[] = [];
    while (!this.#stream.is("block_end")) {
      if (parts.length > 0) this.#stream.expectOperator(",");
      parts.push(this.#expressions.expression());
    }
    return { type: "Output", parts, line };
  }

  #generation(line: number): Statement {
    if (this.#open.filter((tag) => tag === "generation").length > 1) {
      throw new UnsupportedError(`line ${line}: {% generation %} within another {% generation %}`);
    }
    return { type: "Generation", body: this.#bodyUpTo("endgeneration"), line };
  }

  #autoescape(line: number): Statement {
    const value = this.#expressions.expression();
    if (value.type !== "Const" || value.value !== false) throw new UnsupportedError(`line ${line}: autoescape`);
    return { type: "Scope", body: this.#bodyUpTo("endautoescape"), line };
  }

  #include(line: number): Statement {
    this.#expressions.expression();
    if (this.#stream.skipName("ignore")) this.#stream.expectName("missing");
    this.#importContext();
    return { type: "OtherTemplate", tag: "include", imports: [], line };
  }

  #extends(line: number): Statement {
    this.#expressions.expression();
    return { type: "OtherTemplate", tag: "extends", imports: [], line };
  }

  #import(line: number): Statement {
    this.#expressions.expression();
    this.#stream.expectName("as");
    const target = this.#expressions.nameTarget("store");
    this.#importContext();
    return { type: "OtherTemplate", tag: "import", imports: [target], line };
  }

  #from(line: number): Statement {
    this.#expressions.expression();
    this.#stream.expectName("import");
    const imports: NameNode[] = [];
    do {
      const target = this.#expressions.nameTarget("store");
      imports.push(this.#stream.skipName("as") ? this.#expressions.nameTarget("store") : target);
    } while (this.#stream.skipOperator(","));
    this.#importContext();
    return { type: "OtherTemplate", tag: "from", imports, line };
  }

  #importContext(): void {
    if (this.#stream.isName("with", "without")) {
      this.#stream.next();
      this.#stream.expectName("context");
    }
  }
}

const either = (tags: readonly string[]): string => tags.map((tag) => `'${tag}'`).join(" or ");

function asParameter(target: Target): Target {
  if (target.type === "Name") target.use = "param";
  if (target.type === "Tuple") for (const item of target.items) if (item.type === "Name") item.use = "param";
  return target;
}

/** @throws PythonError if the source is not a template, UnsupportedError naming the tag that is not supported */
export const parseTemplate = (source: string): readonly Statement[] => new Parser(source).template();
