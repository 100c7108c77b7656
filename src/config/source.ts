/**
 * Reads the text of a run file as YAML 1.2: plain values, and the line of every key. Does not know which keys exist.
 */
import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import { messageOf } from "../errors.js";
import type { KeyPath } from "./keys.js";
import type { Problem } from "./problems.js";

export interface Source {
  /** The top-level mapping as plain values; empty if the text could not be parsed. */
  readonly values: Record<string, unknown>;
  /** Line (from 1) of a key, or of its nearest enclosing key; undefined if no part of the path is in the file. */
  readonly lineOf: (path: KeyPath) => number | undefined;
  readonly problems: readonly Problem[];
  /** False if the text is not YAML: then `values` cannot be checked. */
  readonly readable: boolean;
}

/**
 * @param text the file's content
 * @param file its name, for messages
 */
export function readSource(text: string, file: string): Source {
  const lines = new LineCounter();
  // Duplicate keys are detected here rather than by the parser, so that they don't hide other problems.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  const failed = (problems: readonly Problem[]): Source => ({
    values: {},
    lineOf: () => undefined,
    problems,
    readable: false,
  });

  const syntax = [...document.errors, ...document.warnings].map((error): Problem => {
    const message = `not valid YAML: ${syntaxMessage(error, lineTextAt(text, error.pos[0]))}`;
    return { path: [], message, place: { from: "file", file, line: lineAt(error.pos[0]) } };
  });
  if (syntax.length > 0) return failed(syntax);

  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) {
    return failed([{ path: [], message: "the file is empty; `model`, `output_dir` and `data.train` are needed" }]);
  }
  if (!isMap(root)) {
    const found = isSeq(root) ? "a list" : "plain text";
    return failed([{ path: [], message: `expected keys and values ("model: …"), not ${found}` }]);
  }
  const unreadable = [...unresolvedAliases(document, file, lineAt), ...keysOtherThanText(document, file, lineAt)];
  if (unreadable.length > 0) return failed(unreadable);

  let values: Record<string, unknown>;
  try {
    values = document.toJS() as Record<string, unknown>;
  } catch (error) {
    // The parser limits the expansion of aliases.
    return failed([{ path: [], message: `cannot be read: ${lowerFirst(messageOf(error))}` }]);
  }
  return {
    values,
    lineOf: (path) => lineOfPath(document, root, path, lineAt),
    problems: duplicates(document, file, lineAt),
    readable: true,
  };
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

function syntaxMessage({ code, message }: YAMLError, line: string): string {
  // The parser's own message names one of its functions.
  if (code === "MULTIPLE_DOCS") return "the file has more than one document (one run per file)";
  return lowerFirst(message) + adviceFor(code, line);
}

function adviceFor(code: string, line: string): string {
  if (/\[[\da-f:.%]*:[\da-f:.%]*\]:\d/i.test(line)) return ' (put an IPv6 address in quotes: "[::1]:7070")';
  if (code === "TAB_AS_INDENT") return " (indent with spaces)";
  if (code === "BAD_DQ_ESCAPE") return " (in single quotes, a backslash is only a backslash)";
  return "";
}

/** The line of a text that a character is in. */
function lineTextAt(text: string, offset: number): string {
  const end = text.indexOf("\n", offset);
  return text.slice(text.lastIndexOf("\n", offset - 1) + 1, end < 0 ? undefined : end);
}

function unresolvedAliases(document: Document.Parsed, file: string, lineAt: (offset: number) => number): Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return;
      const line = alias.range ? lineAt(alias.range[0]) : undefined;
      const place = line === undefined ? { from: "file" as const, file } : { from: "file" as const, file, line };
      problems.push({ path: [], message: `no anchor "&${alias.source}" precedes this alias`, place });
    },
  });
  return problems;
}

/** Keys that are lists, mappings, empty or null: no key of a run file, and with no name to report. */
function keysOtherThanText(document: Document.Parsed, file: string, lineAt: (offset: number) => number): Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Pair: (_, { key, value }) => {
      if (isScalar(key) && key.value !== null && key.value !== "") return;
      const range = [key, value].map((node) => (isNode(node) ? node.range : undefined)).find((found) => found != null);
      const place = { from: "file", file, ...(range === undefined ? {} : { line: lineAt(range[0]) }) } as const;
      problems.push({ path: [], message: "a key is missing before the colon, or is not text", place });
    },
  });
  return problems;
}

/** Name and line of each key of a mapping. */
function keysOf(map: YAMLMap, lineAt: (offset: number) => number): { name: string; line: number; value: unknown }[] {
  return map.items.flatMap(({ key, value }) => {
    if (!isScalar(key) || !key.range) return [];
    return [{ name: String(key.value), line: lineAt(key.range[0]), value }];
  });
}

function duplicates(document: Document.Parsed, file: string, lineAt: (offset: number) => number): Problem[] {
  const problems: Problem[] = [];
  const inspect = (node: unknown, path: KeyPath): void => {
    if (!isMap(node)) return;
    const seen = new Map<string, number>();
    for (const { name, line, value } of keysOf(node, lineAt)) {
      const first = seen.get(name);
      if (first === undefined) seen.set(name, line);
      else {
        const place = { from: "file", file, line } as const;
        problems.push({ path: [...path, name], message: `set twice (first on line ${first})`, place });
      }
      inspect(value, [...path, name]);
    }
  };
  inspect(document.contents, []);
  return problems;
}

function lineOfPath(
  document: Document.Parsed,
  root: YAMLMap,
  path: KeyPath,
  lineAt: (offset: number) => number,
): number | undefined {
  let node: unknown = root;
  let line: number | undefined;
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isSeq(node) && typeof key === "number") {
      const item: unknown = node.items[key];
      if (isScalar(item) && item.range) line = lineAt(item.range[0]);
      node = item;
      continue;
    }
    // The last duplicate takes effect.
    const pair = isMap(node) ? keysOf(node, lineAt).findLast(({ name }) => name === String(key)) : undefined;
    if (pair === undefined) return line;
    line = pair.line;
    node = pair.value;
  }
  return line;
}
