/** How a command is told where a coordinator is, and what to show it: the same for workers and for whoever steers a run. */
import { Option, type Command } from "commander";

export interface ConnectionFlags {
  readonly token?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly proxy?: "none" | "environment";
}

export const tokenOption = (): Option => new Option("--token <secret>", "the run's token").env("COXSWAIN_TOKEN");

/** @param whose certificate it is: "this worker's" */
export const tlsOptions = (command: Command, whose: string): Command =>
  command
    .option("--tls-ca <file>", "certificate authority of the coordinator; turns TLS on")
    .option("--tls-cert <file>", `${whose} certificate, for mutual TLS`)
    .option("--tls-key <file>", "its private key");

/** The coordinator's machine has a run file for it (`cluster.proxy`); whoever else connects has this flag. */
export const proxyOption = (): Option =>
  new Option(
    "--proxy <use>",
    "connect directly, or through the proxy that http_proxy and its like name (default: none)",
  ).choices(["none", "environment"]);

/** Undefined where no TLS is asked for. */
export function tlsOf({ tlsCa: ca, tlsCert: cert, tlsKey: key }: ConnectionFlags) {
  return ca === undefined && cert === undefined && key === undefined ? undefined : { ca, cert, key };
}
