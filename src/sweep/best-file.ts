/**
 * `best.yaml`: the run file with the settings of the best trial, comments included. It trains the same adapter, to the
 * bit. Its relative paths are relative to its own folder. Pure.
 */
import { isAbsolute, relative, sep } from "node:path";
import { Document, isMap, isNode, isScalar, parseDocument, visit } from "yaml";
import { valueAt, withDecimalPoints } from "../config/index.js";
import type { RunConfig } from "../config/index.js";
import type { Assignment } from "./space.js";

export interface BestFileOptions {
  /** Content of the run file, which is valid. */
  readonly text: string;
  /** Of the best trial, paths absolute. */
  readonly config: RunConfig;
  /** What the best trial sets, and what flags of the sweep set for all trials, by dotted key. */
  readonly settings: Assignment;
  /** The folder that the file is for, absolute. */
  readonly folder: string;
  /** Lines before the file, without "#". */
  readonly heading: readonly string[];
}

/** @returns YAML, with `output_dir` "best" */
export function bestFile({ text, config, settings, folder, heading }: BestFileOptions): string {
  const document = withoutAliases(text);
  for (const [key, value] of Object.entries(settings)) put(document, key.split("."), value);
  for (const key of pathKeys) rebase(document, key, valueAt(config, key.split(".")), folder);
  for (const key of secrets) if (document.hasIn(key.split("."))) document.deleteIn(key.split("."));
  document.set("output_dir", "best");
  document.commentBefore = [...heading.map((line) => ` ${line}`), ...ownComment(document)].join("\n");
  return withDecimalPoints(document.toString({ lineWidth: 0 }));
}

/** A value that replaces an anchor, or is set below an alias, would change others: such files lose their comments. */
function withoutAliases(text: string): Document {
  const document = parseDocument(text);
  const aliases: unknown[] = [];
  visit(document, {
    Alias: (_, alias) => {
      aliases.push(alias);
    },
  });
  return aliases.length > 0 ? new Document(document.toJS()) : document;
}

/** The comment that a file begins with, which is removed. */
function ownComment(document: Document): readonly string[] {
  const { contents } = document;
  const key = isMap(contents) ? contents.items[0]?.key : undefined;
  const lines: string[] = [];
  for (const node of [document, ...(contents === null ? [] : [contents]), ...(isNode(key) ? [key] : [])]) {
    lines.push(...(node.commentBefore?.split("\n") ?? []));
    node.commentBefore = null;
  }
  // An editor would look for the schema beside the new file.
  return lines.filter((line) => !line.includes("$schema="));
}

/** Secrets come from the environment. */
const secrets = ["cluster.token", "telemetry.nats.password", "telemetry.nats.token"];

/** Keys whose texts are paths, or sections and lists with paths. */
const pathKeys = [
  "model",
  "data.train",
  "data.eval",
  "data.chat_template",
  "lora.init_adapter",
  "cluster.tls",
  "telemetry.nats",
];

/** Replaces relative paths below a key. @param resolved what they are, absolute */
function rebase(document: Document, key: string, resolved: unknown, folder: string): void {
  const walk = (path: readonly (string | number)[], now: unknown): void => {
    const written = document.getIn(path);
    if (typeof now === "string" && typeof written === "string") {
      if (isAbsolute(now) && !isAbsolute(written) && !written.startsWith("~")) document.setIn(path, from(folder, now));
    } else if (Array.isArray(now)) now.forEach((each, index) => walk([...path, index], each));
    else if (typeof now === "object" && now !== null)
      for (const [name, each] of Object.entries(now)) walk([...path, name], each);
  };
  walk(key.split("."), resolved);
}

/** A relative path that cannot be taken for the name of a model or a data set. */
function from(folder: string, path: string): string {
  const text = relative(folder, path).split(sep).join("/");
  return text.startsWith("..") ? text : `./${text}`;
}

function put(document: Document, path: readonly string[], value: unknown): void {
  const [section, ...rest] = path;
  // An empty section ("training:") is no map yet.
  if (section !== undefined && rest.length > 0 && !isMap(document.get(section, true)))
    document.set(section, document.createNode({}));
  const before = document.getIn(path, true);
  const node = document.createNode(value, { flow: true });
  // Its comment stays.
  if (isScalar(before) && isScalar(node)) node.comment = before.comment ?? null;
  document.setIn(path, node);
}
