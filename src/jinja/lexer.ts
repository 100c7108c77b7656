/** Converts a template's source to tokens, as Jinja's lexer with `trim_blocks` and `lstrip_blocks`. */
import { syntaxError } from "./errors.js";
import { normalInt } from "./numbers.js";
import { unescapeString } from "./string-literal.js";
import { isIdentifier, spaceClass, stripEnd } from "./unicode.js";
import { PyFloat, type Value } from "./values.js";

export type TokenType = "data" | "block_begin" | "block_end" | "variable_begin" | "variable_end" | LiteralType | "eof";
type LiteralType = "name" | "string" | "integer" | "float" | "operator";

export interface Token {
  readonly type: TokenType;
  /** The name, the operator, or the text of data. */
  readonly text: string;
  /** The value of a literal. */
  readonly value: Value;
  /** From 1. */
  readonly line: number;
}

const space = new RegExp(`[${spaceClass}]+`, "y");
const float = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const integer = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const name = /[\p{XID_Continue}_]+/uy;
const string = /'([^'\\]*(?:\\[\s\S][^'\\]*)*)'|"([^"\\]*(?:\\[\s\S][^"\\]*)*)"/y;
const operator = /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y;

const anySpace = `[${spaceClass}]*`;
const tagStart = new RegExp(`(\\{%([-+]?)${anySpace}raw${anySpace}(?:-%\\}${anySpace}|%\\}))|(\\{[%#{])([-+]?)`, "g");
const rawEnd = new RegExp(`\\{%([-+]?)${anySpace}endraw${anySpace}(?:\\+%\\}|-%\\}${anySpace}|%\\}\\n?)`, "g");
const commentEnd = new RegExp(`\\+#\\}|-#\\}${anySpace}|#\\}\\n?`, "g");
const blockEnd = new RegExp(`\\+%\\}|-%\\}${anySpace}|%\\}\\n?`, "y");
const variableEnd = new RegExp(`-\\}\\}${anySpace}|\\}\\}`, "y");
const onlySpace = new RegExp(`^[${spaceClass}]+$`);

const closing: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  #line = 1;
  #lineStarting = true;

  constructor(source: string) {
    const lines = source.split(/\r\n|\r|\n/);
    if (lines.at(-1) === "") lines.pop();
    this.#source = lines.join("\n");
  }

  tokens(): readonly Token[] {
    while (this.#at < this.#source.length) this.#root();
    this.#push("eof", "");
    return this.#tokens;
  }

  #push(type: TokenType, text: string, value: Value = null): void {
    this.#tokens.push({ type, text, value, line: this.#line });
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#source);
  }

  /** Continues after a match. */
  #skipTo(end: number): void {
    for (let at = this.#at; at < end; at++) if (this.#source.charCodeAt(at) === 10) this.#line++;
    this.#lineStarting = this.#source.charAt(end - 1) === "\n";
    this.#at = end;
  }

  /** Text up to the next tag, and the tag. */
  #root(): void {
    const match = this.#match(tagStart);
    if (match === null) {
      this.#push("data", this.#source.slice(this.#at));
      this.#skipTo(this.#source.length);
      return;
    }
    const [whole, raw, rawSign, tag, tagSign] = match;
    const sign = rawSign ?? tagSign ?? "";
    this.#data(this.#source.slice(this.#at, match.index), sign, tag === "{{");
    this.#skipTo(match.index + whole.length);
    if (raw !== undefined) this.#rawBlock();
    else if (tag === "{#") this.#comment();
    else if (tag === "{%") this.#code("block_begin", "block_end", blockEnd);
    else this.#code("variable_begin", "variable_end", variableEnd);
  }

  /** Text before a tag, whose sign and `lstrip_blocks` determine how much white space is removed. */
  #data(text: string, sign: string, variable: boolean): void {
    let kept = text;
    if (sign === "-") {
      kept = stripEnd(text);
    } else if (sign !== "+" && !variable) {
      const lineStart = text.lastIndexOf("\n") + 1;
      const startsLine = lineStart > 0 || this.#lineStarting;
      if (startsLine && onlySpace.test(text.slice(lineStart))) kept = text.slice(0, lineStart);
    }
    if (kept !== "") this.#push("data", kept);
  }

  #comment(): void {
    const match = this.#match(commentEnd);
    if (match === null) throw syntaxError("Missing end of comment tag", this.#line);
    this.#skipTo(match.index + match[0].length);
  }

  #rawBlock(): void {
    const match = this.#match(rawEnd);
    if (match === null) throw syntaxError("Missing end of raw directive", this.#line);
    this.#data(this.#source.slice(this.#at, match.index), match[1] ?? "", false);
    this.#skipTo(match.index + match[0].length);
  }

  #code(begin: TokenType, end: TokenType, endPattern: RegExp): void {
    const open: string[] = [];
    this.#push(begin, "");
    for (;;) {
      const close = open.length === 0 ? this.#match(endPattern) : null;
      if (close !== null) {
        this.#push(end, "");
        this.#skipTo(this.#at + close[0].length);
        return;
      }
      if (this.#at >= this.#source.length) return;
      const length = this.#codeToken(open);
      this.#skipTo(this.#at + length);
    }
  }

  /** Pushes one token (or none, for white space) and returns its length. */
  #codeToken(open: string[]): number {
    const blank = this.#match(space);
    if (blank !== null) return blank[0].length;
    return this.#number() ?? this.#name() ?? this.#string() ?? this.#operator(open);
  }

  #number(): number | null {
    const decimal = this.#match(float);
    if (decimal !== null) {
      this.#push("float", decimal[0], new PyFloat(Number(decimal[0].replaceAll("_", ""))));
      return decimal[0].length;
    }
    const whole = this.#match(integer);
    if (whole === null) return null;
    this.#push("integer", whole[0], normalInt(BigInt(whole[0].replaceAll("_", ""))));
    return whole[0].length;
  }

  #name(): number | null {
    const match = this.#match(name);
    if (match === null) return null;
    if (!isIdentifier(match[0])) throw syntaxError("Invalid character in identifier", this.#line);
    this.#push("name", match[0]);
    return match[0].length;
  }

  #string(): number | null {
    const match = this.#match(string);
    if (match === null) return null;
    this.#push("string", match[0], unescapeString(match[1] ?? match[2] ?? "", this.#line));
    return match[0].length;
  }

  #operator(open: string[]): number {
    const match = this.#match(operator);
    if (match === null) {
      throw syntaxError(
        `unexpected char '${String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0)}'`,
        this.#line,
      );
    }
    const [text] = match;
    const close = closing[text];
    if (close !== undefined) {
      open.push(close);
    } else if (text === ")" || text === "]" || text === "}") {
      const expected = open.pop();
      if (expected === undefined) throw syntaxError(`unexpected '${text}'`, this.#line);
      if (expected !== text) throw syntaxError(`unexpected '${text}', expected '${expected}'`, this.#line);
    }
    this.#push("operator", text);
    return text.length;
  }
}

/** @throws PythonError if the source is not a template */
export const tokenize = (source: string): readonly Token[] => new Lexer(source).tokens();
