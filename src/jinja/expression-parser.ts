/** Jinja's expressions, from the loosest operator to the tightest. Every function is one of Jinja's `parse_…`. */
import type {
  Arguments,
  BinaryOperator,
  CallNode,
  Comparison,
  Expression,
  FilterNode,
  NameNode,
  Target,
} from "./ast.js";
import type { TokenStream } from "./token-stream.js";
import type { Value } from "./values.js";

const comparisons: readonly string[] = ["==", "!=", "<", "<=", ">", ">="];
const constants: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", null],
  ["None", null],
]);
const noArguments: Arguments = { args: [], keywords: [], rest: null, keywordRest: null };

export interface TupleOptions {
  /** Whether `a if b else c` may stand in it. Default true. */
  readonly conditions?: boolean;
  /** A name that ends it, such as "in". */
  readonly end?: string;
  /** Whether `()` is an empty tuple. Default false. */
  readonly parenthesised?: boolean;
}

export class ExpressionParser {
  readonly stream: TokenStream;

  constructor(stream: TokenStream) {
    this.stream = stream;
  }

  expression(conditions = true): Expression {
    return conditions ? this.#condition() : this.#or();
  }

  /** One expression, or a tuple where commas follow. */
  tuple({ conditions = true, end, parenthesised = false }: TupleOptions = {}): Expression {
    return this.#commaList(() => this.expression(conditions), end, parenthesised);
  }

  /** What `for`, `set` and `with` assign to. */
  target({ end, namespaces = false }: { readonly end?: string; readonly namespaces?: boolean } = {}): Target {
    const { line } = this.stream;
    return this.#asTarget(
      this.#commaList(() => this.#primary(namespaces), end, false),
      line,
    );
  }

  nameTarget(use: "store" | "param"): NameNode {
    const { text, line } = this.stream.expect("name");
    if (constants.has(text)) throw this.stream.fail(`can't assign to '${text}'`, line);
    return { type: "Name", name: text, use, line };
  }

  #asTarget(node: Expression, line: number): Target {
    if (node.type === "NSRef") return node;
    if (node.type === "Name") return Object.assign(node, { use: "store" as const });
    if (node.type !== "Tuple") throw this.stream.fail(`can't assign to '${node.type.toLowerCase()}'`, line);
    node.items.forEach((item) => this.#asTarget(item, line));
    return node;
  }

  #commaList(parse: () => Expression, end: string | undefined, parenthesised: boolean): Expression {
    const { line } = this.stream;
    const items: Expression[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.stream.expectOperator(",");
      if (this.#tupleEnds(end)) break;
      items.push(parse());
      if (!this.stream.isOperator(",")) break;
      isTuple = true;
    }
    const [first] = items;
    if (!isTuple && first !== undefined) return first;
    if (!isTuple && !parenthesised) throw this.stream.unexpected("an expression");
    return { type: "Tuple", items, line };
  }

  #tupleEnds(end: string | undefined): boolean {
    const { stream } = this;
    if (stream.is("variable_end") || stream.is("block_end") || stream.isOperator(")")) return true;
    return end !== undefined && stream.isName(end);
  }

  #condition(): Expression {
    let then = this.#or();
    while (this.stream.skipName("if")) {
      const { line } = this.stream;
      const test = this.#or();
      const otherwise = this.stream.skipName("else") ? this.#condition() : null;
      then = { type: "Condition", test, then, otherwise, line };
    }
    return then;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.stream.skipName("or")) left = { type: "Or", left, right: this.#and(), line: left.line };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.stream.skipName("and")) left = { type: "And", left, right: this.#not(), line: left.line };
    return left;
  }

  #not(): Expression {
    const { line } = this.stream;
    return this.stream.skipName("not") ? { type: "Not", operand: this.#not(), line } : this.#compare();
  }

  #compare(): Expression {
    const first = this.#sum();
    const rest: (readonly [Comparison, Expression])[] = [];
    for (;;) {
      const operator = this.#comparison();
      if (operator === null) break;
      rest.push([operator, this.#sum()]);
    }
    return rest.length === 0 ? first : { type: "Compare", first, rest, line: first.line };
  }

  #comparison(): Comparison | null {
    const { stream } = this;
    if (stream.isOperator(...comparisons)) return stream.next().text as Comparison;
    if (stream.skipName("in")) return "in";
    const { type, text } = stream.look();
    if (!stream.isName("not") || type !== "name" || text !== "in") return null;
    stream.next();
    stream.next();
    return "not in";
  }

  #binary(operand: () => Expression, ...operators: readonly BinaryOperator[]): Expression {
    let left = operand();
    while (this.stream.isOperator(...operators)) {
      const operator = this.stream.next().text as BinaryOperator;
      left = { type: "Binary", operator, left, right: operand(), line: left.line };
    }
    return left;
  }

  #sum(): Expression {
    return this.#binary(() => this.#concat(), "+", "-");
  }

  #concat(): Expression {
    const first = this.#product();
    const parts = [first];
    while (this.stream.skipOperator("~")) parts.push(this.#product());
    return parts.length === 1 ? first : { type: "Concat", parts, line: first.line };
  }

  #product(): Expression {
    return this.#binary(() => this.#power(), "*", "/", "//", "%");
  }

  #power(): Expression {
    return this.#binary(() => this.#unary(true), "**");
  }

  #unary(filters: boolean): Expression {
    const { line } = this.stream;
    let node: Expression;
    if (this.stream.skipOperator("-")) node = { type: "Negative", operand: this.#unary(false), line };
    else if (this.stream.skipOperator("+")) node = { type: "Positive", operand: this.#unary(false), line };
    else node = this.#primary();
    node = this.#postfix(node);
    return filters ? this.#filtersAndTests(node) : node;
  }

  #primary(namespaces = false): Expression {
    const { stream } = this;
    const { type, text, value, line } = stream.current;
    if (type === "name") {
      stream.next();
      const constant = constants.get(text);
      if (constant !== undefined) return { type: "Const", value: constant, line };
      if (!namespaces || !stream.skipOperator(".")) return { type: "Name", name: text, use: "load", line };
      return { type: "NSRef", name: text, attribute: stream.expect("name").text, line };
    }
    if (type === "string") return this.#strings();
    if (type === "integer" || type === "float") {
      stream.next();
      return { type: "Const", value, line };
    }
    if (stream.skipOperator("(")) {
      const node = this.tuple({ parenthesised: true });
      stream.expectOperator(")");
      return node;
    }
    if (stream.skipOperator("[")) return this.#list(line);
    if (stream.skipOperator("{")) return this.#dict(line);
    throw stream.noExpression();
  }

  /** Literals one after another are one string. */
  #strings(): Expression {
    const { line } = this.stream;
    let text = "";
    while (this.stream.is("string")) {
      const { value } = this.stream.next();
      if (typeof value === "string") text += value;
    }
    return { type: "Const", value: text, line };
  }

  #list(line: number): Expression {
    const items: Expression[] = [];
    while (!this.stream.isOperator("]")) {
      if (items.length > 0) this.stream.expectOperator(",");
      if (this.stream.isOperator("]")) break;
      items.push(this.expression());
    }
    this.stream.expectOperator("]");
    return { type: "List", items, line };
  }

  #dict(line: number): Expression {
    const entries: (readonly [Expression, Expression])[] = [];
    while (!this.stream.isOperator("}")) {
      if (entries.length > 0) this.stream.expectOperator(",");
      if (this.stream.isOperator("}")) break;
      const key = this.expression();
      this.stream.expectOperator(":");
      entries.push([key, this.expression()]);
    }
    this.stream.expectOperator("}");
    return { type: "Dict", entries, line };
  }

  #postfix(start: Expression): Expression {
    let node = start;
    for (;;) {
      if (this.stream.isOperator(".", "[")) node = this.#subscript(node);
      else if (this.stream.isOperator("(")) node = this.#call(node);
      else return node;
    }
  }

  #filtersAndTests(start: Expression): Expression {
    let node = start;
    for (;;) {
      if (this.stream.isOperator("|")) node = this.filters(node) ?? node;
      else if (this.stream.isName("is")) node = this.#test(node);
      else if (this.stream.isOperator("(")) node = this.#call(node);
      else return node;
    }
  }

  #subscript(object: Expression): Expression {
    const { text, line } = this.stream.next();
    if (text === "[") return { type: "Item", object, index: this.#indices(line), line };
    const attribute = this.stream.next();
    if (attribute.type === "name") return { type: "Attribute", object, name: attribute.text, line };
    if (attribute.type !== "integer") throw this.stream.fail("expected name or number", attribute.line);
    return { type: "Item", object, index: { type: "Const", value: attribute.value, line }, line };
  }

  #indices(line: number): Expression {
    const items: Expression[] = [];
    while (!this.stream.isOperator("]")) {
      if (items.length > 0) this.stream.expectOperator(",");
      items.push(this.#index());
    }
    this.stream.expectOperator("]");
    const [first] = items;
    return items.length === 1 && first !== undefined ? first : { type: "Tuple", items, line };
  }

  #index(): Expression {
    const { line } = this.stream;
    const ends = (): boolean => this.stream.isOperator("]", ",");
    const start = this.stream.isOperator(":") ? null : this.expression();
    if (start !== null && !this.stream.isOperator(":")) return start;
    this.stream.expectOperator(":");
    const stop = this.stream.isOperator(":") || ends() ? null : this.expression();
    const step = this.stream.skipOperator(":") && !ends() ? this.expression() : null;
    return { type: "Slice", start, stop, step, line };
  }

  #call(callee: Expression): CallNode {
    const { line } = this.stream;
    return { type: "Call", callee, arguments: this.#arguments(), line };
  }

  #arguments(): Arguments {
    const { stream } = this;
    const { line } = stream;
    const args: Expression[] = [];
    const keywords: (readonly [string, Expression])[] = [];
    let rest: Expression | null = null;
    let keywordRest: Expression | null = null;
    const ensure = (valid: boolean): void => {
      if (!valid) throw stream.fail("invalid syntax for function call expression", line);
    };
    stream.expectOperator("(");
    for (let first = true; !stream.isOperator(")"); first = false) {
      if (!first) {
        stream.expectOperator(",");
        if (stream.isOperator(")")) break;
      }
      if (stream.isOperator("*")) {
        ensure(rest === null && keywordRest === null);
        stream.next();
        rest = this.expression();
      } else if (stream.isOperator("**")) {
        ensure(keywordRest === null);
        stream.next();
        keywordRest = this.expression();
      } else if (stream.is("name") && stream.look().type === "operator" && stream.look().text === "=") {
        ensure(keywordRest === null);
        const { text } = stream.next();
        stream.next();
        if (keywords.some(([name]) => name === text)) throw stream.fail(`keyword argument repeated: ${text}`, line);
        keywords.push([text, this.expression()]);
      } else {
        ensure(rest === null && keywordRest === null && keywords.length === 0);
        args.push(this.expression());
      }
    }
    stream.expectOperator(")");
    return { args, keywords, rest, keywordRest };
  }

  #dottedName(): string {
    let { text } = this.stream.expect("name");
    while (this.stream.skipOperator(".")) text += `.${this.stream.expect("name").text}`;
    return text;
  }

  /** `| a | b(…)`; `inline` where the first has no bar, as in `{% filter a %}`. */
  filters(operand: Expression | null, inline = false): Expression | null {
    let node = operand;
    for (let first = inline; first || this.stream.isOperator("|"); first = false) {
      if (!first) this.stream.next();
      node = this.#filter(node);
    }
    return node;
  }

  #filter(operand: Expression | null): FilterNode {
    const { line } = this.stream;
    const name = this.#dottedName();
    const args = this.stream.isOperator("(") ? this.#arguments() : noArguments;
    return { type: "Filter", operand, name, arguments: args, line };
  }

  #test(operand: Expression): Expression {
    const { line } = this.stream.next();
    const negated = this.stream.skipName("not");
    const name = this.#dottedName();
    const test: Expression = { type: "Test", operand, name, arguments: this.#testArguments(), line };
    return negated ? { type: "Not", operand: test, line } : test;
  }

  /** In parentheses, or one value without them: `is divisibleby 3`. */
  #testArguments(): Arguments {
    const { stream } = this;
    if (stream.isOperator("(")) return this.#arguments();
    const literal = stream.is("name") || stream.is("string") || stream.is("integer") || stream.is("float");
    if (!literal && !stream.isOperator("[", "{")) return noArguments;
    if (stream.isName("else", "or", "and")) return noArguments;
    if (stream.isName("is")) throw stream.fail("You cannot chain multiple tests with is");
    return { ...noArguments, args: [this.#postfix(this.#primary())] };
  }
}
