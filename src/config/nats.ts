/** Validates a run's NATS name and connection settings, from any source. Opens no connection. */
import { basename } from "node:path";
import { CoxswainError } from "../errors.js";
import type { RunConfig } from "./schema.js";

/** `telemetry.nats` of a run file. */
export type NatsConfig = NonNullable<RunConfig["telemetry"]["nats"]>;
/** Connection settings, also available as flags. */
export type NatsConnectionSettings = Omit<NatsConfig, "run" | "advertise">;

export interface NatsProblem {
  readonly key: keyof NatsConfig;
  readonly message: string;
}

/** Maximum length of a run's name. */
const longestName = 64;

/**
 * What is wrong with a run's name, or undefined. The name is a token of subjects and a key of a bucket, so it cannot
 * contain dots, wildcards or spaces.
 */
export function runNameProblem(name: string): string | undefined {
  if (/^[\w-]+$/.test(name) && name.length <= longestName) return undefined;
  return `${JSON.stringify(name)} cannot be a run's name: use letters, digits, "-" and "_", at most ${longestName}`;
}

/** The name that a run has without `telemetry.nats.run`. @param outputDir absolute */
export const defaultRunName = (outputDir: string): string => basename(outputDir);

/**
 * A run's name in subjects.
 * @param config with absolute paths
 * @throws CoxswainError "config"
 */
export function runNameOf({ output_dir: outputDir, telemetry }: RunConfig): string {
  const name = telemetry.nats?.run ?? defaultRunName(outputDir);
  const problem = runNameProblem(name);
  if (problem === undefined) return name;
  throw new CoxswainError("config", `output_dir: its last part is the run's name in NATS, and ${problem}`, {
    hint: "Set a name with telemetry.nats.run, or with --run if the command has it.",
  });
}

/** The URLs of one or more servers of a cluster. */
export const serverUrls = ({ url }: Pick<NatsConfig, "url">): readonly string[] =>
  typeof url === "string" ? [url] : url;

/** All problems of settings with valid types. */
export function natsProblems(nats: NatsConnectionSettings): readonly NatsProblem[] {
  const urls = serverUrls(nats).flatMap((url): NatsProblem[] => {
    const message = urlProblem(url);
    return message === undefined ? [] : [{ key: "url", message }];
  });
  return [...urls, ...identityProblems(nats), ...tlsProblems(nats)];
}

function urlProblem(text: string): string | undefined {
  const example = "write nats://HOST:4222, or tls://HOST:4222";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^(nats|tls):$/.test(url.protocol) || url.hostname === "") {
    // A URL that cannot be parsed may contain a secret.
    return `${text.includes("@") ? "this" : JSON.stringify(text)} is not the URL of a NATS server: ${example}`;
  }
  if (url.username !== "" || url.password !== "")
    return "a user or token in the URL would appear in logs: remove it, and set user and password, or token";
  if (!/^\/?$/.test(url.pathname) || url.search !== "" || url.hash !== "")
    return `${JSON.stringify(text)} has more than a host and a port: ${example}`;
  return undefined;
}

/** Checks that there is one way to authenticate. */
function identityProblems({ credentials, nkey, user, password, token }: NatsConnectionSettings): NatsProblem[] {
  const given = Object.entries({ credentials, nkey, user, token })
    .filter(([, value]) => value !== null)
    .map(([key]) => key as keyof NatsConfig);
  const [first, second] = given;
  if (first !== undefined && second !== undefined)
    return [{ key: second, message: `conflicts with ${first}: give only one way to authenticate` }];
  if ((user === null) !== (password === null)) {
    const [has, lacks] = user === null ? (["password", "user"] as const) : (["user", "password"] as const);
    return [{ key: has, message: `${has} without ${lacks}: servers require both` }];
  }
  return [];
}

function tlsProblems({ tls }: NatsConnectionSettings): NatsProblem[] {
  if (tls === null || (tls.cert === null) === (tls.key === null)) return [];
  return [{ key: "tls", message: "give both a certificate and its private key (cert, key)" }];
}
