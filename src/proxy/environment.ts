/**
 * Finds the proxy for a connection in the usual environment variables, in lower or upper case; never for this machine
 * itself. Pure. Does not know protocols, and does not decide whether to use a proxy.
 */
import { isLoopback } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import { isExcepted, type Target } from "./no-proxy.js";

export type { Target } from "./no-proxy.js";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Proxy {
  /** With user and password, if any. */
  readonly url: URL;
  /** The variable that names it. */
  readonly variable: string;
  /** For people: without user and password. "http://proxy.example:3128/ (https_proxy)" */
  readonly shown: string;
}

/** The variables that name a proxy: the first that is set. curl reads HTTP_PROXY in lower case only, since CGI. */
export const proxyVariables = {
  cluster: ["grpc_proxy", "https_proxy", "http_proxy", "all_proxy"],
  https: ["https_proxy", "all_proxy"],
  http: ["http_proxy", "all_proxy"],
} as const;

/**
 * @param purpose what the connection is for
 * @param schemes that the caller supports for proxies
 * @returns undefined for a direct connection
 * @throws CoxswainError "config" for an invalid value of a variable
 */
export function environmentProxy(
  purpose: keyof typeof proxyVariables,
  target: Target,
  env: Environment,
  schemes: readonly string[] = ["http"],
): Proxy | undefined {
  const [variable, value] = firstSet(proxyVariables[purpose], env) ?? [];
  if (variable === undefined || value === undefined || isLoopback(target.host)) return undefined;
  const [, excepted] = firstSet(["no_proxy"], env) ?? [];
  if (excepted !== undefined && isExcepted(excepted, target)) return undefined;
  return { ...parse(variable, value, schemes), variable };
}

/** Whether any variable names a proxy. */
export const proxyVariablesSet = (env: Environment): boolean =>
  firstSet(Object.values(proxyVariables).flat(), env) !== undefined;

function firstSet(names: readonly string[], env: Environment): readonly [variable: string, value: string] | undefined {
  for (const name of names.flatMap((lower) => [lower, lower.toUpperCase()])) {
    const value = env[name]?.trim();
    if (value !== undefined && value !== "") return [name, value];
  }
  return undefined;
}

function parse(variable: string, value: string, schemes: readonly string[]): Pick<Proxy, "url" | "shown"> {
  let url: URL;
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`);
  } catch {
    // The value may contain a password.
    throw new CoxswainError("config", `${variable} is not the URL of a proxy`, { hint: howTo(variable) });
  }
  const shown = `${url.protocol}//${url.host} (${variable})`;
  if (schemes.includes(url.protocol.replace(/:$/, ""))) return { url, shown };
  throw new CoxswainError("config", `${shown}: this kind of proxy is not supported here`, {
    hint: `${howTo(variable)} Supported: ${schemes.join(", ")}.`,
  });
}

const howTo = (variable: string): string =>
  `Set ${variable} to http://HOST:PORT, or unset it; no_proxy lists hosts that are reached directly.`;

/** The meaning of a proxy's reply to CONNECT other than 200, as a clause. */
export function proxyAnswer(status: number): string {
  if (status === 407) return "requires another user and password (407)";
  if (status === 403 || status === 405) return `refuses the connection (${status})`;
  return `answers ${status}`;
}

/** The hint for a proxy that rejects a connection. */
export const proxyHint = ({ variable }: Proxy): string =>
  `Correct ${variable} (http://USER:PASSWORD@HOST:PORT if it requires them), or list the host in no_proxy.`;
