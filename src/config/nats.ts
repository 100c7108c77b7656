/** How a run is named and reached over NATS: what is wrong with such settings, wherever they came from. Connects to nothing. */
import { basename } from "node:path";
import { CoxswainError } from "../errors.js";
import type { RunConfig } from "./schema.js";

/** `telemetry.nats` of a run file. */
export type NatsConfig = NonNullable<RunConfig["telemetry"]["nats"]>;
/** What a connection needs: flags give the same. */
export type NatsConnectionSettings = Omit<NatsConfig, "run" | "advertise">;

export interface NatsProblem {
  readonly key: keyof NatsConfig;
  readonly message: string;
}

/** The longest name of a run. */
const longestName = 64;

/**
 * What is wrong with the name of a run, or undefined. It is one token of a subject and a key of a bucket, so it has none
 * of what means something there: dots, wildcards, spaces.
 */
export function runNameProblem(name: string): string | undefined {
  if (/^[\w-]+$/.test(name) && name.length <= longestName) return undefined;
  return `${JSON.stringify(name)} cannot name a run: letters, digits, "-" and "_", at most ${longestName} of them`;
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
  throw new CoxswainError("config", `output_dir: its last part names the run over NATS, and ${problem}`, {
    hint: "Give the run a name of its own: telemetry.nats.run, or --run where a command has it.",
  });
}

/** The addresses of servers, one or several of one cluster. */
export const serverUrls = ({ url }: Pick<NatsConfig, "url">): readonly string[] =>
  typeof url === "string" ? [url] : url;

/** All that is wrong with settings that are each of the right type. */
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
    // What cannot be taken apart may hold a secret.
    return `${text.includes("@") ? "this" : JSON.stringify(text)} is no address of a NATS server: ${example}`;
  }
  if (url.username !== "" || url.password !== "")
    return "a user or a token in the address ends up in logs: leave it out, and give user and password, or token";
  if (!/^\/?$/.test(url.pathname) || url.search !== "" || url.hash !== "")
    return `${JSON.stringify(text)} has more than a host and a port: ${example}`;
  return undefined;
}

/** One way to say who it is. */
function identityProblems({ credentials, nkey, user, password, token }: NatsConnectionSettings): NatsProblem[] {
  const given = Object.entries({ credentials, nkey, user, token })
    .filter(([, value]) => value !== null)
    .map(([key]) => key as keyof NatsConfig);
  const [first, second] = given;
  if (first !== undefined && second !== undefined)
    return [{ key: second, message: `one way to identify is enough: ${first} is given, too` }];
  if ((user === null) !== (password === null)) {
    const [has, lacks] = user === null ? (["password", "user"] as const) : (["user", "password"] as const);
    return [{ key: has, message: `${has} without ${lacks}: a server asks for both` }];
  }
  return [];
}

function tlsProblems({ tls }: NatsConnectionSettings): NatsProblem[] {
  if (tls === null || (tls.cert === null) === (tls.key === null)) return [];
  return [{ key: "tls", message: "a certificate and its private key (cert, key) belong together" }];
}
