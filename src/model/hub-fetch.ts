/**
 * `fetch` for the hub, through the environment's proxy for each server of a redirect chain, since Node's own `fetch`
 * ignores proxy variables. Does not know models.
 */
import type { Dispatcher, RequestInfo, RequestInit, Response } from "undici";
import { environmentProxy, proxyVariablesSet } from "../proxy/index.js";
import type { Environment, Proxy } from "../proxy/index.js";

/**
 * The proxy of a URL; undefined if it is reached without. @throws CoxswainError "config" for a variable that names none
 */
export function hubProxy(url: string | URL, environment: Environment): Proxy | undefined {
  const { protocol, hostname, port } = new URL(url);
  const secure = protocol === "https:";
  const target = {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? (secure ? 443 : 80) : Number(port),
  };
  return environmentProxy(secure ? "https" : "http", target, environment, ["http", "https"]);
}

/** Where no proxy is named, the global `fetch`. */
export async function hubFetch(environment: Environment): Promise<typeof fetch> {
  if (!proxyVariablesSet(environment)) return fetch;
  const undici = await import("undici");
  const direct = new undici.Agent();
  const agents = new Map<string, Dispatcher>();
  const agentOf = ({ origin }: Dispatcher.DispatchOptions): Dispatcher => {
    const proxy = origin === undefined ? undefined : hubProxy(origin, environment);
    if (proxy === undefined) return direct;
    const { href } = proxy.url;
    // Plain HTTP is passed on as it is: proxies give tunnels to port 443 alone, as a rule.
    const agent = agents.get(href) ?? new undici.ProxyAgent({ uri: href, proxyTunnel: false });
    agents.set(href, agent);
    return agent;
  };
  class PerServer extends undici.Dispatcher {
    override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
      return agentOf(options).dispatch(options, handler);
    }
  }
  const dispatcher = new PerServer();
  // The package and Node have types of their own for the same thing.
  const through = (input: RequestInfo, init?: RequestInit): Promise<Response> =>
    undici.fetch(input, { ...init, dispatcher });
  return through as unknown as typeof fetch;
}
