/** All paths that a run reads or writes, by key. Pure. For run files that were written on another machine. */
import { isAbsolute } from "node:path";
import type { KeyPath } from "./keys.js";
import { dotted } from "./keys.js";
import type { RunConfig } from "./schema.js";
import { isDatasetId, isTemplate } from "./paths.js";

export interface RunPath {
  /** Dotted. */
  readonly key: string;
  readonly path: string;
  /** "written": created if missing; "read": must exist. */
  readonly use: "read" | "written";
}

/** Paths of sources; not the names of data sets. */
export function sourcePaths(sources: RunConfig["data"]["train"] | RunConfig["data"]["eval"]): readonly string[] {
  if (sources === null || typeof sources === "number") return [];
  const list = Array.isArray(sources) ? sources : [sources];
  return list.flatMap((source) => {
    const path = typeof source === "string" ? source : source.path;
    return path === undefined || isDatasetId(path) ? [] : [path];
  });
}

/** @param config paths absolute; a model that is not is a hub id */
export function runPaths({ model, output_dir: outputDir, data, lora, cluster }: RunConfig): readonly RunPath[] {
  const read = (key: KeyPath, value: string | readonly string[] | null | undefined): RunPath[] =>
    [value ?? []].flat().map((path) => ({ key: dotted(key), path, use: "read" }));
  return [
    ...read(["model"], isAbsolute(model) ? model : null),
    ...read(["data", "train"], sourcePaths(data.train)),
    ...read(["data", "eval"], sourcePaths(data.eval)),
    ...read(["data", "chat_template"], isTemplate(data.chat_template ?? "{{") ? null : data.chat_template),
    ...read(["lora", "init_adapter"], lora.init_adapter),
    ...read(["cluster", "tls", "cert"], cluster.tls?.cert),
    ...read(["cluster", "tls", "key"], cluster.tls?.key),
    ...read(["cluster", "tls", "ca"], cluster.tls?.ca),
    { key: "output_dir", path: outputDir, use: "written" },
  ];
}
