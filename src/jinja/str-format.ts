/** Python's `text.format(…)`, as Jinja's sandbox runs it: fields are looked up by the sandbox's rules. */
import { PythonError, UnsupportedError, valueError } from "./errors.js";
import { formatValue } from "./format-spec.js";
import type { Limits } from "./limits.js";
import { repr, str } from "./text.js";
import type { Keywords, Value } from "./values.js";

/** How `{0.name}` and `{0[key]}` are looked up. */
export interface FieldLookup {
  attribute(value: Value, name: string): Value;
  item(value: Value, key: Value): Value;
}

interface FormatRequest {
  readonly limits: Limits;
  readonly lookup: FieldLookup;
  readonly args: readonly Value[];
  readonly keywords: Keywords;
}

const field = /^([^.[!:{}]*)((?:\.[^.[!:{}]+|\[[^\]{}]+\])*)(?:!([\s\S]))?(?::([\s\S]*))?$/u;
const step = /\.([^.[]+)|\[([^\]]+)\]/gu;
const digits = /^\d+$/;

class Formatter {
  readonly #request: FormatRequest;
  #next = 0;
  #numbered = false;

  constructor(request: FormatRequest) {
    this.#request = request;
  }

  format(text: string, depth: number): string {
    if (depth < 0) throw valueError("Max string recursion exceeded");
    let result = "";
    let at = 0;
    while (at < text.length) {
      const character = text.charAt(at);
      if ((character === "{" || character === "}") && text.charAt(at + 1) === character) {
        result += character;
        at += 2;
      } else if (character === "}") {
        throw valueError("Single '}' encountered in format string");
      } else if (character === "{") {
        const end = closing(text, at);
        result += this.#field(text.slice(at + 1, end), depth);
        at = end + 1;
      } else {
        result += character;
        at++;
      }
    }
    this.#request.limits.text(result.length);
    return result;
  }

  #field(body: string, depth: number): string {
    const match = field.exec(body);
    if (match === null) throw new UnsupportedError(`the replacement field {${body}}`);
    const [, name = "", path = "", conversion, spec = ""] = match;
    let value = this.#value(name);
    for (const [, attribute, key] of path.matchAll(step)) {
      const { lookup } = this.#request;
      value = attribute === undefined ? lookup.item(value, keyOf(key ?? "")) : lookup.attribute(value, attribute);
    }
    return formatValue(this.#request.limits, converted(value, conversion), this.format(spec, depth - 1));
  }

  #value(name: string): Value {
    const { args, keywords } = this.#request;
    if (name !== "" && !digits.test(name)) {
      const value = keywords.get(name);
      if (value === undefined) throw new PythonError("KeyError", `'${name}'`);
      return value;
    }
    if (name !== "") this.#numbered = true;
    else if (this.#numbered) {
      throw valueError("cannot switch from manual field specification to automatic field numbering");
    }
    const value = args[name === "" ? this.#next++ : Number(name)];
    if (name !== "" && this.#next > 0) {
      throw valueError("cannot switch from automatic field numbering to manual field specification");
    }
    if (value === undefined)
      throw new PythonError("IndexError", "Replacement index out of range for positional args tuple");
    return value;
  }
}

/** The brace that closes the one at `start`. */
function closing(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text.charAt(at) === "{") depth++;
    else if (text.charAt(at) === "}" && --depth === 0) return at;
  }
  throw valueError("expected '}' before end of string");
}

const keyOf = (key: string): Value => (digits.test(key) ? Number(key) : key);

function converted(value: Value, conversion: string | undefined): Value {
  if (conversion === undefined) return value;
  if (conversion === "s") return str(value);
  if (conversion === "r") return repr(value);
  if (conversion === "a") throw new UnsupportedError("the conversion !a");
  throw valueError(`Unknown conversion specifier ${conversion}`);
}

export const strFormat = (text: string, request: FormatRequest): string => new Formatter(request).format(text, 2);
