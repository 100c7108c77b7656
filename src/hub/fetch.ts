/**
 * `fetch` for the hub, through the environment's proxy for each server of a redirect chain, since Node's own `fetch`
 * ignores proxy variables. Independent of models.
 */
import type { Dispatcher, RequestInfo, RequestInit, Response } from "undici";
import { environmentProxy, proxyVariablesSet } from "../proxy/index.js";
import type { Environment, Proxy } from "../proxy/index.js";

/**
 * The proxy of a URL; undefined if there is none. @throws CoxswainError "config" for an invalid proxy variable
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

/** Without a proxy, the global `fetch`. */
export async function hubFetch(environment: Environment): Promise<typeof fetch> {
  if (!proxyVariablesSet(environment)) return fetch;
  const undici = await import("undici");
  const direct = new undici.Agent();
  const agents = new Map<string, Dispatcher>();
  const agentOf = ({ origin }: Dispatcher.DispatchOptions): Dispatcher => {
    const proxy = origin === undefined ? undefined : hubProxy(origin, environment);
    if (proxy === undefined) return direct;
    const { href } = proxy.url;
    // Plain HTTP is forwarded without a tunnel: most proxies allow tunnels only to port 443.
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
  // The package and Node have different types for the same object.
  const through = (input: RequestInfo, init?: RequestInit): Promise<Response> =>
    undici.fetch(input, { ...init, dispatcher });
  return through as unknown as typeof fetch;
}
