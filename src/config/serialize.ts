/** Serialises a run as a run file, for the output folder. */
import { stringify } from "yaml";
import type { RunConfig } from "./schema.js";

/** A copy of a run with tokens and passwords set to null. */
export function withoutSecrets(config: RunConfig): RunConfig {
  const { cluster, telemetry } = config;
  const nats = telemetry.nats === null ? null : { ...telemetry.nats, password: null, token: null };
  return { ...config, cluster: { ...cluster, token: null }, telemetry: { ...telemetry, nats } };
}

/** The secrets of a run, with the environment variable for each. */
function secretsOf({ cluster, telemetry: { nats } }: RunConfig): readonly (readonly [key: string, variable: string])[] {
  const secrets = [
    ["cluster.token", "COXSWAIN_TOKEN", cluster.token],
    ["telemetry.nats.password", "COXSWAIN_NATS_PASSWORD", nats?.password],
    ["telemetry.nats.token", "COXSWAIN_NATS_TOKEN", nats?.token],
  ] as const;
  return secrets.flatMap(([key, variable, value]) => (typeof value === "string" ? [[key, variable] as const] : []));
}

/** The first line of a file that Coxswain wrote. */
const heading = "# Written by Coxswain: the run with every default, as it was started.";

/** The first line in earlier releases. */
const earlierHeading = "# The run with every default, as it was started.";

/** Whether `serializeRun` produced a text, which may have been edited since. */
export const isResolvedText = (text: string): boolean =>
  [heading, earlierHeading].includes(text.slice(0, heading.length + 2).split(/\r?\n/, 1)[0] ?? "");

/**
 * YAML with all defaults, which `loadRun` reads back to the same settings. Secrets are written as null and must be
 * given again in the environment.
 */
export function serializeRun(config: RunConfig): string {
  const secrets = secretsOf(config)
    .map(
      ([key, variable]) => `# ${key} is not stored here; set ${variable}.
`,
    )
    .join("");
  const text = stringify(withoutSecrets(config), { lineWidth: 0 });
  return `${heading}\n${secrets}${withDecimalPoints(text)}`;
}

/** YAML 1.1 readers (PyYAML) take `1e-8` for text and `1.0e-8` for a number. @param yaml a key and its value per line */
export const withDecimalPoints = (yaml: string): string =>
  yaml.replace(/^(\s*[\w.]+: -?\d+)(e[+-]?\d+)(?=[ \t]*(?:#|$))/gm, "$1.0$2");
