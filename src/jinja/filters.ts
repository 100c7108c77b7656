/** All filters and tests by name; those that apply others to each item of a sequence are implemented here. */
import { intArgument, textArgument } from "./arguments.js";
import { ownAttribute } from "./attributes.js";
import { builtin, type Run } from "./builtin.js";
import { truthy } from "./compare.js";
import { PythonError, UnsupportedError, typeError } from "./errors.js";
import { attributeGetter, lazily, type Getter } from "./filter-values.js";
import { numberFilters } from "./filters-number.js";
import { sequenceFilters } from "./filters-sequence.js";
import { textFilters } from "./filters-text.js";
import { iterate } from "./iterate.js";
import { jsonText, separatorsOf } from "./json-text.js";
import { checkTextLength, type Limits } from "./limits.js";
import { prettyText } from "./text.js";
import { makeTests } from "./tests.js";
import type { Keywords, Value } from "./values.js";

/** Unsupported filters of Jinja: one draws random numbers, one detects links. */
const refused: ReadonlySet<string> = new Set(["random", "urlize"]);

function indentOf(count: number): string {
  checkTextLength(count);
  return " ".repeat(Math.max(0, count));
}

function tojson(limits: Limits, value: Value, ascii: Value, indent: Value, separators: Value, sortKeys: Value): string {
  const [itemSeparator, keySeparator] = separatorsOf(separators, indent !== null);
  const width = indent === null || typeof indent === "string" ? indent : indentOf(intArgument(indent));
  const options = { ascii: truthy(ascii), indent: width, itemSeparator, keySeparator, sortKeys: truthy(sortKeys) };
  const text = jsonText(value, options);
  limits.text(text.length);
  return text;
}

/** What `map` applies to each item: a filter, or an attribute. */
function mapping(limits: Limits, args: readonly Value[], keywords: Keywords): Getter {
  const [name, ...rest] = args;
  const attribute = keywords.get("attribute");
  if (name === undefined && attribute !== undefined) {
    const stranger = [...keywords.keys()].find((key) => key !== "attribute" && key !== "default");
    if (stranger !== undefined) throw typeError(`Unexpected keyword argument '${stranger}'`);
    return attributeGetter(limits, attribute, keywords.get("default") ?? null);
  }
  if (name === undefined) throw typeError("map requires a filter argument");
  return (item) => filterNamed(textArgument(name))(limits, [item, ...rest], keywords);
}

function* map(limits: Limits, value: Value, args: readonly Value[], keywords: Keywords): Generator<Value> {
  if (!truthy(value)) return;
  const apply = mapping(limits, args, keywords);
  for (const item of iterate(value)) {
    limits.step();
    yield apply(item);
  }
}

/** What `select` and similar filters check for each item: a test, or whether it is true. */
function selection(
  limits: Limits,
  args: readonly Value[],
  keywords: Keywords,
  ofAttribute: boolean,
): (item: Value) => boolean {
  const [first, ...others] = args;
  if (ofAttribute && first === undefined) throw typeError("Missing parameter for attribute name");
  const getter: Getter = ofAttribute ? attributeGetter(limits, first ?? null) : (item) => item;
  const [name, ...rest] = ofAttribute ? others : args;
  if (name === undefined) return (item) => truthy(getter(item));
  return (item) => truthy(testNamed(textArgument(name))(limits, [getter(item), ...rest], keywords));
}

function selector(wanted: boolean, ofAttribute: boolean): Run {
  function* select(limits: Limits, value: Value, args: readonly Value[], keywords: Keywords): Generator<Value> {
    if (!truthy(value)) return;
    const holds = selection(limits, args, keywords, ofAttribute);
    for (const item of iterate(value)) {
      limits.step();
      if (holds(item) === wanted) yield item;
    }
  }
  return (limits, [value = null, ...args], keywords) => lazily(() => select(limits, value, args, keywords));
}

const filters: ReadonlyMap<string, Run> = new Map<string, Run>([
  ...textFilters,
  ...numberFilters,
  ...sequenceFilters,
  ["attr", builtin("attr", ["obj", "name"], (limits, value, name) => ownAttribute(limits, value, textArgument(name)))],
  ["map", (limits, [value = null, ...args], keywords) => lazily(() => map(limits, value, args, keywords))],
  ["pprint", builtin("pprint", ["value"], (_, value) => prettyText(value))],
  ["select", selector(true, false)],
  ["reject", selector(false, false)],
  ["selectattr", selector(true, true)],
  ["rejectattr", selector(false, true)],
  [
    "tojson",
    builtin(
      "tojson",
      ["x", ["ensure_ascii", false], ["indent", null], ["separators", null], ["sort_keys", false]],
      tojson,
    ),
  ],
]);

const tests = makeTests((name) => typeof name === "string" && (filters.has(name) || refused.has(name)));

const runtimeError = (message: string): PythonError => new PythonError("TemplateRuntimeError", message);

/**
 * @throws PythonError if Jinja has no such filter either, UnsupportedError if it has
 */
export function filterNamed(name: string): Run {
  const filter = filters.get(name);
  if (filter !== undefined) return filter;
  throw refused.has(name)
    ? new UnsupportedError(`the filter '${name}'`)
    : runtimeError(`No filter named '${name}' found.`);
}

/** @throws PythonError if there is no such test */
export function testNamed(name: string): Run {
  const test = tests.get(name);
  if (test !== undefined) return test;
  throw runtimeError(`No test named '${name}' found.`);
}
