/**
 * Python's `strip`, `lstrip`, `rstrip` and Jinja's `trim` in templates. The library's own take no characters
 * (`content.lstrip('\n')`, as Qwen3's template has it, would eat the indentation of code) and strip what JavaScript calls
 * white space. Calls of them in a parsed template become calls of the functions here.
 */

/** Functions to be set in a template's environment, by the names that rewritten calls have. */
export const stripFunctions: Readonly<Record<string, (text: unknown, characters?: unknown) => string>> = {
  __strip: (text, characters) => strip(text, characters, true, true),
  __lstrip: (text, characters) => strip(text, characters, true, false),
  __rstrip: (text, characters) => strip(text, characters, false, true),
};

const methods: ReadonlyMap<string, string> = new Map([
  ["strip", "__strip"],
  ["lstrip", "__lstrip"],
  ["rstrip", "__rstrip"],
]);

/** What Python's `str.isspace` holds for. */
const pythonSpace = new Set(
  "\t\n\v\f\r\u001c\u001d\u001e\u001f \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a" +
    "\u2028\u2029\u202f\u205f\u3000",
);

function strip(text: unknown, characters: unknown, left: boolean, right: boolean): string {
  if (typeof text !== "string") throw new Error("strip: not a string");
  if (characters !== undefined && characters !== null && typeof characters !== "string") {
    throw new Error("strip: the characters to strip are not a string");
  }
  const stripped = typeof characters === "string" ? new Set(characters) : pythonSpace;
  const parts = Array.from(text);
  let start = 0;
  let end = parts.length;
  while (left && start < end && stripped.has(parts[start] ?? "")) start++;
  while (right && end > start && stripped.has(parts[end - 1] ?? "")) end--;
  return parts.slice(start, end).join("");
}

/** A node of the library's syntax tree, as far as it is looked at here. */
interface Node {
  type: string;
  [field: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";

const isIdentifier = (value: unknown): value is Node & { value: string } =>
  isNode(value) && value.type === "Identifier" && typeof value["value"] === "string";

/** Rewrites all calls below `node`, in place. Nodes are reused, since the library looks at their classes. */
export function rewriteStrips(node: unknown): void {
  if (Array.isArray(node)) {
    node.forEach(rewriteStrips);
  } else if (node instanceof Map) {
    for (const [key, value] of node) {
      rewriteStrips(key);
      rewriteStrips(value);
    }
  } else if (isNode(node)) {
    Object.values(node).forEach(rewriteStrips);
    if (node.type === "CallExpression") rewriteMethod(node);
    if (node.type === "FilterExpression") rewriteTrim(node);
  }
}

/** `object.lstrip(…)` becomes `__lstrip(object, …)`. */
function rewriteMethod(call: Node): void {
  const { callee, args } = call;
  if (!isNode(callee) || callee.type !== "MemberExpression" || callee["computed"] === true) return;
  const method = callee["property"];
  const name = isIdentifier(method) ? methods.get(method.value) : undefined;
  if (!isIdentifier(method) || name === undefined || !Array.isArray(args)) return;
  method.value = name;
  call["callee"] = method;
  call["args"] = [callee["object"], ...(args as unknown[])];
}

/** `operand | trim` becomes `__strip(operand)`, and `operand | trim(…)` `__strip(operand, …)`. */
function rewriteTrim(expression: Node): void {
  const { filter, operand } = expression;
  if (!isNode(filter)) return;
  const name = filter.type === "CallExpression" ? filter["callee"] : filter;
  if (!isIdentifier(name) || name.value !== "trim") return;
  const args = filter.type === "CallExpression" ? (filter["args"] as unknown[]) : [];
  name.value = "__strip";
  expression.type = "CallExpression";
  expression["callee"] = name;
  expression["args"] = [operand, ...args];
}
