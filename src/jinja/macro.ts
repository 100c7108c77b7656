/** A macro, or the `caller` of a call block: how its arguments are bound. Jinja's Macro. */
import { typeError } from "./errors.js";
import { strRepr } from "./text.js";
import { PyDict } from "./dict.js";
import { PyCallable, PyTuple, Undefined, type Keywords, type Value } from "./values.js";

export interface MacroSignature {
  /** null for a caller. */
  readonly name: string | null;
  readonly parameters: readonly string[];
  readonly takesKeywords: boolean;
  readonly takesRest: boolean;
  readonly takesCaller: boolean;
}

/** A macro's values in the order of its variables: its parameters (undefined: not given), caller, kwargs, varargs. */
export type MacroBody = (values: readonly (Value | undefined)[]) => string;

export class Macro extends PyCallable {
  readonly typeName = "Macro";
  readonly #signature: MacroSignature;
  readonly #body: MacroBody;

  constructor(signature: MacroSignature, body: MacroBody) {
    super();
    this.#signature = signature;
    this.#body = body;
  }

  override call(args: readonly Value[], keywords: Keywords): Value {
    const { parameters, takesKeywords, takesRest, takesCaller } = this.#signature;
    const left = new Map(keywords);
    const values: (Value | undefined)[] = args.slice(0, parameters.length);
    let foundCaller = values.length === parameters.length && parameters.includes("caller");
    for (const name of parameters.slice(values.length)) {
      values.push(left.get(name));
      left.delete(name);
      foundCaller ||= name === "caller";
    }
    if (takesCaller && !foundCaller) {
      values.push(left.get("caller") ?? new Undefined(() => "No caller defined"));
      left.delete("caller");
    }
    if (takesKeywords) values.push(PyDict.of(left));
    else this.#refuseKeywords(left);
    if (takesRest) values.push(new PyTuple(args.slice(parameters.length)));
    else if (args.length > parameters.length) {
      throw typeError(`macro ${this.#text} takes not more than ${parameters.length} argument(s)`);
    }
    return this.#body(values);
  }

  #refuseKeywords(left: Keywords): void {
    const [first] = left.keys();
    if (first === undefined) return;
    if (left.has("caller"))
      throw typeError(`macro ${this.#text} was invoked with two values for the special caller argument`);
    throw typeError(`macro ${this.#text} takes no keyword argument ${strRepr(first)}`);
  }

  get #text(): string {
    return this.#signature.name === null ? "None" : strRepr(this.#signature.name);
  }

  override attribute(name: string): Value | undefined {
    switch (name) {
      case "name":
        return this.#signature.name;
      case "arguments":
        return new PyTuple(this.#signature.parameters);
      case "catch_kwargs":
        return this.#signature.takesKeywords;
      case "catch_varargs":
        return this.#signature.takesRest;
      case "caller":
        return this.#signature.takesCaller;
      default:
        return undefined;
    }
  }

  override repr(): string {
    return this.#signature.name === null ? "<Macro anonymous>" : `<Macro ${this.#text}>`;
  }
}
