/** Jinja's filters on texts. */
import { intArgument, refuseUndefined, textArgument, textOrNone } from "./arguments.js";
import { builtin, type Parameter, type Run } from "./builtin.js";
import { truthy } from "./compare.js";
import { PythonError, UnsupportedError, typeError, valueError } from "./errors.js";
import { isIterable, iterate, lengthOf } from "./iterate.js";
import { checkTextLength, type Limits } from "./limits.js";
import { escapeHtml } from "./markup.js";
import { percentFormat } from "./percent-format.js";
import { slice } from "./slice.js";
import { capitalize } from "./str-characters.js";
import { fill, replace, rsplit, split, strip } from "./str-methods.js";
import { str } from "./text.js";
import { spaceClass, splitLines } from "./unicode.js";
import { PyDict } from "./dict.js";
import { Markup, PyTuple, Undefined, typeName, type Keywords, type Value } from "./values.js";
import { wordwrap } from "./wordwrap.js";

/** A filter that maps a text to a text and keeps a safe text safe. */
const onText =
  (run: (limits: Limits, text: string, ...values: Value[]) => string) =>
  (limits: Limits, value: Value, ...values: Value[]): Value => {
    const text = run(limits, str(value), ...values);
    return value instanceof Markup ? new Markup(text) : text;
  };

const wordStart = new RegExp(`([-${spaceClass}({[<]+)`);

function title(text: string): string {
  const capital = (word: string): string => {
    const [first = ""] = word;
    return first.toUpperCase() + word.slice(first.length).toLowerCase();
  };
  return text.split(wordStart).map(capital).join("");
}

function spaces(count: number): string {
  checkTextLength(count);
  return " ".repeat(Math.max(0, count));
}

function indent(limits: Limits, value: Value, width: Value, first: Value, blank: Value): Value {
  refuseUndefined(value);
  if (value instanceof Markup) throw new UnsupportedError("the filter 'indent' on a safe text");
  if (typeof value !== "string") throw typeError(`unsupported operand type(s) for +=: '${typeName(value)}' and 'str'`);
  const by = typeof width === "string" ? width : spaces(intArgument(width));
  const [start = "", ...rest] = splitLines(`${value}\n`);
  limits.text(value.length + by.length * (rest.length + 1));
  const indented = rest.map((line) => `\n${truthy(blank) || line !== "" ? by : ""}${line}`);
  return (truthy(first) ? by : "") + start + indented.join("");
}

function truncate(_: Limits, value: Value, length: Value, killWords: Value, end: Value, leeway: Value): Value {
  const [most, ending] = [intArgument(length), textArgument(end)];
  const slack = leeway === null ? 5 : intArgument(leeway);
  if (most < lengthOf(ending))
    throw new PythonError("AssertionError", `expected length >= ${lengthOf(ending)}, got ${most}`);
  if (slack < 0) throw new PythonError("AssertionError", `expected leeway >= 0, got ${slack}`);
  if (lengthOf(value) <= most + slack) return value;
  if (value instanceof Markup) throw new UnsupportedError("the filter 'truncate' on a safe text");
  const kept = textArgument(slice(textArgument(value), { start: null, stop: most - lengthOf(ending), step: null }));
  return (truthy(killWords) ? kept : (rsplit(kept, " ", 1)[0] ?? "")) + ending;
}

function format(limits: Limits, args: readonly Value[], keywords: Keywords): Value {
  const [value = null, ...values] = args;
  if (values.length > 0 && keywords.size > 0) {
    throw typeError("can't handle positional and keyword arguments at the same time");
  }
  if (value instanceof Markup) throw new UnsupportedError("formatting a safe text");
  return percentFormat(limits, str(value), keywords.size > 0 ? PyDict.of(keywords) : new PyTuple(values));
}

const quoteUrl = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (unit) => `%${unit.charCodeAt(0).toString(16).toUpperCase()}`);

function urlencode(value: Value): string {
  const isText = typeof value === "string" || value instanceof Markup;
  if (isText || !isIterable(value)) return quoteUrl(str(value)).replaceAll("%2F", "/");
  const items = value instanceof PyDict ? [...value.entries()].map((entry) => new PyTuple(entry)) : iterate(value);
  return Array.from(items, (item) => {
    const parts = Array.from(iterate(item), (part) => quoteUrl(str(part)).replaceAll("%20", "+"));
    if (parts.length !== 2) throw valueError("not a pair of key and value");
    return parts.join("=");
  }).join("&");
}

function xmlattr(value: Value, autospace: Value): string {
  if (!(value instanceof PyDict)) throw typeError(`'${typeName(value)}' object has no attribute 'items'`);
  const items: string[] = [];
  for (const [key, item] of value.entries()) {
    if (item === null || item instanceof Undefined) continue;
    const name = textArgument(key);
    if (/[ \t\n\r\f\v/>=]/.test(name)) throw valueError(`Invalid character in attribute name: ${name}`);
    items.push(`${escapeHtml(name)}="${item instanceof Markup ? item.text : escapeHtml(str(item))}"`);
  }
  return (truthy(autospace) && items.length > 0 ? " " : "") + items.join(" ");
}

/** Removes everything from one mark to another. */
function without(text: string, start: string, end: string): string {
  let kept = text;
  for (;;) {
    const from = kept.indexOf(start);
    const to = from < 0 ? -1 : kept.indexOf(end, from);
    if (to < 0) return kept;
    kept = kept.slice(0, from) + kept.slice(to + end.length);
  }
}

function striptags(value: Value): string {
  const plain = split(without(without(str(value), "<!--", "-->"), "<", ">"), null, -1).join(" ");
  if (plain.includes("&")) throw new UnsupportedError("the filter 'striptags' on a text with &");
  return plain;
}

const filter = (
  name: string,
  parameters: readonly Parameter[],
  run: (limits: Limits, ...values: Value[]) => Value,
): [string, Run] => [name, builtin(name, parameters, run)];

const escape = (_: Limits, value: Value): Value =>
  value instanceof Markup ? value : new Markup(escapeHtml(str(value)));

export const textFilters: ReadonlyMap<string, Run> = new Map([
  filter(
    "upper",
    ["s"],
    onText((_, text) => text.toUpperCase()),
  ),
  filter(
    "lower",
    ["s"],
    onText((_, text) => text.toLowerCase()),
  ),
  filter(
    "capitalize",
    ["s"],
    onText((_, text) => capitalize(text)),
  ),
  filter("title", ["s"], (_, value) => title(str(value))),
  filter(
    "trim",
    ["value", ["chars", null]],
    onText((_, text, chars) => strip(text, textOrNone(chars ?? null, "strip arg"), true, true)),
  ),
  filter(
    "center",
    ["value", ["width", 80]],
    onText((limits, text, width) => fill(limits, text, width ?? 80, " ", "both")),
  ),
  filter("string", ["object"], (_, value) => (value instanceof Markup ? value : str(value))),
  filter("replace", ["s", "old", "new", ["count", null]], (limits, value, old, new_, count) =>
    replace(limits, str(value), str(old), str(new_), count === null ? -1 : intArgument(count)),
  ),
  filter("indent", ["s", ["width", 4], ["first", false], ["blank", false]], indent),
  filter("truncate", ["s", ["length", 255], ["killwords", false], ["end", "..."], ["leeway", null]], truncate),
  filter(
    "wordwrap",
    ["s", ["width", 79], ["break_long_words", true], ["wrapstring", null], ["break_on_hyphens", true]],
    (_, value, width, breakWords, wrapString, onHyphens) =>
      wordwrap(textArgument(value), {
        width: intArgument(width),
        breakLongWords: truthy(breakWords),
        breakOnHyphens: truthy(onHyphens),
        wrapString: textOrNone(wrapString) ?? "\n",
      }),
  ),
  filter("wordcount", ["s"], (_, value) => str(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  filter("urlencode", ["value"], (_, value) => urlencode(value)),
  filter("xmlattr", ["d", ["autospace", true]], (_, value, autospace) => xmlattr(value, autospace)),
  filter("striptags", ["value"], (_, value) => striptags(value)),
  filter("safe", ["value"], (_, value) => (value instanceof Markup ? value : new Markup(str(value)))),
  filter("escape", ["s"], escape),
  filter("e", ["s"], escape),
  filter("forceescape", ["value"], (_, value) => new Markup(escapeHtml(str(value)))),
  ["format", format],
]);
