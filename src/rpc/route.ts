/**
 * How to reach a server of the cluster: directly or, on request, through the proxy set in the environment. The gRPC
 * library would use such a proxy by default, even for loopback; it gets explicit options instead.
 */
import { request } from "node:http";
import type { ChannelOptions } from "@grpc/grpc-js";
import { parseAddress, formatAddress } from "../config/index.js";
import type { Address } from "../config/index.js";
import { CoxswainError, systemCodeOf } from "../errors.js";
import { environmentProxy, proxyAnswer, proxyHint } from "../proxy/index.js";
import type { Environment, Proxy } from "../proxy/index.js";

/** `cluster.proxy`: none, or the proxy set in the environment. */
export type ProxyUse = "none" | "environment";

export interface Route {
  /** The address that the gRPC library connects to: HOST:PORT. */
  readonly connectTo: string;
  /** Added to the channel's options. */
  readonly options: ChannelOptions;
  /** The server to reach. */
  readonly address: Address;
  /** The proxy to use. */
  readonly proxy: Proxy | undefined;
}

/** @throws CoxswainError "config" if the proxy in the environment cannot be used */
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

/** The same for an address given by a peer. */
export const routeToText = (address: string, use: ProxyUse): Route =>
  routeTo(parseAddress(address, { name: "a peer's address" }), use);

/** Percent-decodes a part of a URL; a lone % is kept. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const proxyAddress = ({ hostname, port }: URL): string => `${hostname}:${port === "" ? "80" : port}`;

/** Timeout of a proxy's answer, ms. */
const patience = 3000;

export interface ProxyTrouble {
  readonly reason: string;
  readonly hint: string;
}

/**
 * Repeats the gRPC library's request to the proxy of a route, since the library does not report the proxy's answer.
 * @returns undefined if there is no proxy, or it provides the connection
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
    // A proxy accepts CONNECT; a server answers it like any other request.
    asked.once("response", ({ statusCode = 0 }) => trouble(proxyAnswer(statusCode)));
    asked.once("timeout", () => asked.destroy(new CoxswainError("network", "timeout")));
    asked.once("error", (error) => trouble(`cannot be reached: ${systemCodeOf(error) ?? error.message}`));
    asked.end();
  });
}
