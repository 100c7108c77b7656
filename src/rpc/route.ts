/**
 * How a server of the cluster is reached: directly, or, where that was asked for, through the proxy that the environment
 * names. The gRPC library would take such a proxy unasked, also to this machine itself; it is told everything instead.
 */
import { request } from "node:http";
import type { ChannelOptions } from "@grpc/grpc-js";
import { parseAddress, formatAddress } from "../config/index.js";
import type { Address } from "../config/index.js";
import { CoxswainError, systemCodeOf } from "../errors.js";
import { environmentProxy, proxyAnswer, proxyHint } from "../proxy/index.js";
import type { Environment, Proxy } from "../proxy/index.js";

/** `cluster.proxy`: none, or what the environment says. */
export type ProxyUse = "none" | "environment";

export interface Route {
  /** What the gRPC library connects to: HOST:PORT. */
  readonly connectTo: string;
  /** Added to those of the channel. */
  readonly options: ChannelOptions;
  /** Whom it is to reach. */
  readonly address: Address;
  /** Through which proxy. */
  readonly proxy: Proxy | undefined;
}

/** @throws CoxswainError "config" where the environment names no proxy that can be used */
export function routeTo(address: Address, use: ProxyUse, env: Environment = process.env): Route {
  const proxy = use === "none" ? undefined : environmentProxy("cluster", address, env);
  const target = formatAddress(address);
  if (proxy === undefined) return { connectTo: target, options: {}, address, proxy };
  const { username, password } = proxy.url;
  const credentials = `${decoded(username)}:${decoded(password)}`;
  return {
    connectTo: proxyAddress(proxy.url),
    options: {
      "grpc.default_authority": target,
      "grpc.http_connect_target": `dns:${target}`,
      ...(username === "" ? {} : { "grpc.http_connect_creds": credentials }),
    },
    address,
    proxy,
  };
}

/** The same, of an address as a peer gives it. */
export const routeToText = (address: string, use: ProxyUse): Route =>
  routeTo(parseAddress(address, { name: "a peer's address" }), use);

/** What stands in a URL; a lone % stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const proxyAddress = ({ hostname, port }: URL): string => `${hostname}:${port === "" ? "80" : port}`;

/** How long a proxy may take to answer, ms. */
const patience = 3000;

export interface ProxyTrouble {
  readonly reason: string;
  readonly hint: string;
}

/**
 * Asks the proxy of a route for the connection, as the gRPC library has, which does not tell what came of it.
 * @returns undefined where there is none, or it gives one
 */
export function proxyTrouble({ proxy, options, address }: Route): Promise<ProxyTrouble | undefined> {
  if (proxy === undefined) return Promise.resolve(undefined);
  const credentials = options["grpc.http_connect_creds"];
  const authorization =
    credentials === undefined ? {} : { "Proxy-Authorization": `Basic ${Buffer.from(credentials).toString("base64")}` };
  const { hostname, port } = proxy.url;
  return new Promise((resolve) => {
    const trouble = (what: string): void =>
      resolve({ reason: `the proxy ${proxy.shown} ${what}`, hint: proxyHint(proxy) });
    const asked = request({
      method: "CONNECT",
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      port: port === "" ? 80 : Number(port),
      path: formatAddress(address),
      headers: { Host: formatAddress(address), ...authorization },
      timeout: patience,
      agent: false,
    });
    asked.once("connect", ({ statusCode = 0 }, socket) => {
      socket.destroy();
      if (statusCode === 200) resolve(undefined);
      else trouble(proxyAnswer(statusCode));
    });
    // A proxy answers CONNECT; what answers it as any other request is a server.
    asked.once("response", ({ statusCode = 0 }) => trouble(proxyAnswer(statusCode)));
    asked.once("timeout", () => asked.destroy(new CoxswainError("network", "timeout")));
    asked.once("error", (error) => trouble(`cannot be reached: ${systemCodeOf(error) ?? error.message}`));
    asked.end();
  });
}
