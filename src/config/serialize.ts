/** A run as the text of a run file: what the output folder keeps. */
import { stringify } from "yaml";
import type { RunConfig } from "./schema.js";

/** A run without what must not be written or logged: tokens and passwords are null. */
export function withoutSecrets(config: RunConfig): RunConfig {
  const { cluster, telemetry } = config;
  const nats = telemetry.nats === null ? null : { ...telemetry.nats, password: null, token: null };
  return { ...config, cluster: { ...cluster, token: null }, telemetry: { ...telemetry, nats } };
}

/** The secrets that a run has, with the variable that gives each. */
function secretsOf({ cluster, telemetry: { nats } }: RunConfig): readonly (readonly [key: string, variable: string])[] {
  const secrets = [
    ["cluster.token", "COXSWAIN_TOKEN", cluster.token],
    ["telemetry.nats.password", "COXSWAIN_NATS_PASSWORD", nats?.password],
    ["telemetry.nats.token", "COXSWAIN_NATS_TOKEN", nats?.token],
  ] as const;
  return secrets.flatMap(([key, variable, value]) => (typeof value === "string" ? [[key, variable] as const] : []));
}

/** How a file that Coxswain wrote begins. */
const heading = "# Written by Coxswain: the run with every default, as it was started.";

/** The same of earlier releases. */
const earlierHeading = "# The run with every default, as it was started.";

/** Whether a text is one that `serializeRun` made, perhaps edited since, and not a run file that somebody wrote. */
export const isResolvedText = (text: string): boolean =>
  [heading, earlierHeading].includes(text.slice(0, heading.length + 2).split(/\r?\n/, 1)[0] ?? "");

/**
 * YAML that `loadRun` reads back to the same settings, every default written out. Secrets are never written (null stands in
 * their place): they are given again by the environment.
 */
export function serializeRun(config: RunConfig): string {
  const secrets = secretsOf(config)
    .map(([key, variable]) => `# ${key} is not kept here; set ${variable}.\n`)
    .join("");
  const text = stringify(withoutSecrets(config), { lineWidth: 0 });
  // YAML 1.1 readers (PyYAML) take `1e-8` for text and `1.0e-8` for a number.
  return `${heading}\n${secrets}${text.replace(/^(\s*[\w.]+: -?\d+)(e[+-]?\d+)$/gm, "$1.0$2")}`;
}
