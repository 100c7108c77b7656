/** Options for connecting to a coordinator, shared by workers and the commands that control a run. */
import { Option, type Command } from "commander";

export interface ConnectionFlags {
  readonly token?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly proxy?: "none" | "environment";
}

export const tokenOption = (): Option => new Option("--token <secret>", "the run's token").env("COXSWAIN_TOKEN");

/** @param whose the owner of the certificate: "this worker's" */
export const tlsOptions = (command: Command, whose: string): Command =>
  command
    .option("--tls-ca <file>", "certificate authority of the coordinator; enables TLS")
    .option("--tls-cert <file>", `${whose} certificate, for mutual TLS`)
    .option("--tls-key <file>", "its private key");

/** The counterpart of `cluster.proxy` for machines without a run file. */
export const proxyOption = (): Option =>
  new Option(
    "--proxy <use>",
    "connect directly, or through the proxy from http_proxy and similar variables (default: none)",
  ).choices(["none", "environment"]);

/** Undefined if none of the TLS flags is given. */
export function tlsOf({ tlsCa: ca, tlsCert: cert, tlsKey: key }: ConnectionFlags) {
  return ca === undefined && cert === undefined && key === undefined ? undefined : { ca, cert, key };
}
