/** The chart, rendered by the real helm. Charts are rendered for tests alone: nothing is installed. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { projectFolder } from "./processes.js";

export const helmFolder = join(homedir(), ".cache", "coxswain", "helm");
export const chart = join(projectFolder, "deploy", "helm", "coxswain");
/** Files of values, by name. */
export const examples = readdirSync(join(chart, "examples"));

/** For a test's name; empty where the tools are there. */
export const whyNoHelm = existsSync(join(helmFolder, "helm"))
  ? ""
  : " (skipped: no helm; build it with `node scripts/install-helm.mjs`)";

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one of the tools to its end. */
export function tool(
  name: "helm" | "helm-unittest" | "helm-docs" | "kubeconform",
  words: readonly string[],
  input = "",
): Ran {
  return spawnSync(join(helmFolder, name), words, { encoding: "utf8", input, maxBuffer: 1 << 26 });
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly [key: string]: unknown;
}

/** What a release "demo" of the chart would be made of, as text. @throws what helm says */
export function renderText(words: readonly string[]): string {
  const { status, stdout, stderr } = tool("helm", ["template", "demo", chart, ...words]);
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

/** The same, parsed. */
export const render = (words: readonly string[]): Manifest[] =>
  parseAllDocuments(renderText(words)).flatMap((document) => (document.toJS() as Manifest | null) ?? []);
