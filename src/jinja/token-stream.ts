/** A reader of tokens for the parser. */
import { syntaxError, type PythonError } from "./errors.js";
import type { Token, TokenType } from "./lexer.js";

const names: Partial<Readonly<Record<TokenType, string>>> = {
  block_begin: "begin of statement block",
  block_end: "end of statement block",
  variable_begin: "begin of print statement",
  variable_end: "end of print statement",
  data: "template data / text",
  eof: "end of template",
};

const describe = ({ type, text }: Token): string =>
  type === "name" || type === "operator" ? text : (names[type] ?? type);

export class TokenStream {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  #token(index: number): Token {
    return this.#tokens[Math.min(index, this.#tokens.length - 1)] ?? { type: "eof", text: "", value: null, line: 1 };
  }

  get current(): Token {
    return this.#token(this.#at);
  }

  get line(): number {
    return this.current.line;
  }

  look(): Token {
    return this.#token(this.#at + 1);
  }

  next(): Token {
    const token = this.current;
    this.#at++;
    return token;
  }

  is(type: TokenType): boolean {
    return this.current.type === type;
  }

  isOperator(...texts: readonly string[]): boolean {
    return this.current.type === "operator" && texts.includes(this.current.text);
  }

  isName(...texts: readonly string[]): boolean {
    return this.current.type === "name" && texts.includes(this.current.text);
  }

  skipOperator(text: string): boolean {
    const found = this.isOperator(text);
    if (found) this.#at++;
    return found;
  }

  skipName(text: string): boolean {
    const found = this.isName(text);
    if (found) this.#at++;
    return found;
  }

  expect(type: TokenType): Token {
    if (this.current.type !== type) throw this.unexpected(names[type] ?? type);
    return this.next();
  }

  expectOperator(text: string): void {
    if (!this.skipOperator(text)) throw this.unexpected(text);
  }

  expectName(text: string): void {
    if (!this.skipName(text)) throw this.unexpected(text);
  }

  unexpected(expected: string): PythonError {
    if (this.is("eof")) return this.fail(`unexpected end of template, expected '${expected}'`);
    return this.fail(`expected token '${expected}', got '${describe(this.current)}'`);
  }

  /** The current token cannot start an expression. */
  noExpression(): PythonError {
    return this.fail(`unexpected '${describe(this.current)}'`);
  }

  fail(message: string, line = this.line): PythonError {
    return syntaxError(message, line);
  }
}
