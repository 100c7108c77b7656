/**
 * Makes the paths of a run absolute: relative paths are relative to the run file's folder, not the working directory.
 */
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import type { NatsConfig } from "./nats.js";
import type { RunConfig } from "./schema.js";
import type { SourceConfig } from "./schema/source.js";

/**
 * @param directory the run file's folder, absolute
 * @param exists whether there is anything at an absolute path; determines whether `a/b` is a folder or a hub id
 */
export function resolvePaths(config: RunConfig, directory: string, exists: (path: string) => boolean): RunConfig {
  const absolute = (path: string): string => resolve(directory, expandHome(path));
  // A URL (https://, hf://) is left as written; its reader rejects it.
  const source = (path: string): string => (/^[a-z][a-z0-9+.-]+:\/\//i.test(path) ? path : absolute(path));
  const isDataset = (name: string): boolean =>
    isDatasetId(name) && !exists(absolute(name)) && !exists(dirname(absolute(name)));
  const located = (given: string | SourceConfig): string | SourceConfig => {
    if (typeof given === "string") return isDataset(given) ? given : source(given);
    return given.path === undefined ? given : { ...given, path: source(given.path) };
  };
  const optional = (path: string | null): string | null => (path === null ? null : absolute(path));
  const { data, lora, cluster, telemetry } = config;
  return {
    ...config,
    model: isPath(config.model) || exists(absolute(config.model)) ? absolute(config.model) : config.model,
    output_dir: absolute(config.output_dir),
    data: {
      ...data,
      train: Array.isArray(data.train) ? data.train.map(located) : located(data.train),
      eval:
        data.eval === null || typeof data.eval === "number"
          ? data.eval
          : Array.isArray(data.eval)
            ? data.eval.map(located)
            : located(data.eval),
      chat_template:
        data.chat_template === null || isTemplate(data.chat_template)
          ? data.chat_template
          : absolute(data.chat_template),
    },
    lora: { ...lora, init_adapter: optional(lora.init_adapter) },
    cluster: {
      ...cluster,
      tls:
        cluster.tls === null
          ? null
          : {
              cert: absolute(cluster.tls.cert),
              key: absolute(cluster.tls.key),
              ca: optional(cluster.tls.ca),
            },
    },
    telemetry: { ...telemetry, nats: telemetry.nats === null ? null : natsPaths(telemetry.nats, optional) },
  };
}

const natsPaths = (nats: NatsConfig, optional: (path: string | null) => string | null): NatsConfig => ({
  ...nats,
  credentials: optional(nats.credentials),
  nkey: optional(nats.nkey),
  tls:
    nats.tls === null
      ? null
      : { ca: optional(nats.tls.ca), cert: optional(nats.tls.cert), key: optional(nats.tls.key) },
});

/** Whether a model must be a path, even if it does not exist: a hub id is `name` or `owner/name`. */
function isPath(model: string): boolean {
  return /^[./~\\]|^[a-z]:[\\/]|\\|\/$/i.test(model) || model.split("/").length > 2;
}

/** Whether a source may be a data set of the hub, `owner/name`, if there is no such path. */
export const isDatasetId = (source: string): boolean => /^\w[\w.-]*\/\w[\w.-]*$/.test(source) && !dataFile.test(source);
const dataFile = /\.(jsonl?|ndjson|csv|tsv|txt|parquet|arrow|gz|zst)$/i;

/** A Jinja template has braces or several lines; a path has neither. */
export const isTemplate = (text: string): boolean => /\{[{%#]|\n/.test(text);

/** `~/models`: the shell expands it on a command line, but not in a file. */
const expandHome = (path: string): string => (/^~(?=[\\/]|$)/.test(path) ? homedir() + path.slice(1) : path);
