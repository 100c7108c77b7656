/** A run as the text of a run file: what the output folder keeps. */
import { stringify } from "yaml";
import type { RunConfig } from "./schema.js";

/** A run without what must not be written or logged: `cluster.token` is null. */
export function withoutSecrets(config: RunConfig): RunConfig {
  return { ...config, cluster: { ...config.cluster, token: null } };
}

/**
 * YAML that `loadRun` reads back to the same settings, every default written out. The token is never written (null
 * stands in its place): give it again by COXSWAIN_TOKEN.
 */
export function serializeRun(config: RunConfig): string {
  const heading = config.cluster.token === null ? "" : "# cluster.token is not kept here; set COXSWAIN_TOKEN.\n";
  const text = stringify(withoutSecrets(config), { lineWidth: 0 });
  // YAML 1.1 readers (PyYAML) take `1e-8` for text and `1.0e-8` for a number.
  return `# The run with every default, as it was started.\n${heading}${text.replace(/^(\s*[\w.]+: -?\d+)(e[+-]?\d+)$/gm, "$1.0$2")}`;
}
