/** TLS credentials from files, and the shared token. */
import { X509Certificate, createHash, timingSafeEqual } from "node:crypto";
import { createSecureContext } from "node:tls";
import { ChannelCredentials, Metadata, ServerCredentials } from "@grpc/grpc-js";
import type { VerifyOptions } from "@grpc/grpc-js";
import { tokenProblem } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import { readAuthorities, readCertificates, readIdentity } from "../tls/index.js";
import type { Identity } from "../tls/index.js";
import type { OwnCertificate } from "./own-certificate.js";

/** PEM files of a server. `ca`: clients must show a certificate signed by it (mutual TLS). */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | null;
}

/** PEM files of a client. `ca`: authorities for the server's certificate; the system roots if absent. */
export interface ClientTls {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** The certificate that the server must present, whatever its name or address. */
  readonly pinned?: string;
}

/** @throws CoxswainError "config" that names the invalid file */
export async function serverCredentials(tls: ServerTls | null, now = new Date()): Promise<ServerCredentials> {
  if (tls === null) return ServerCredentials.createInsecure();
  const cert = { path: tls.cert, name: "cluster.tls.cert" };
  const { certificate, key } = await readIdentity(cert, { path: tls.key, name: "cluster.tls.key" }, now);
  const roots = tls.ca === null ? null : await readAuthorities({ path: tls.ca, name: "cluster.tls.ca" }, now);
  const pair = { cert_chain: Buffer.from(certificate), private_key: Buffer.from(key) };
  return ServerCredentials.createSsl(roots === null ? null : Buffer.from(roots), [pair], roots !== null);
}

/** @throws CoxswainError "config" that names the invalid file */
export async function clientCredentials(tls: ClientTls | undefined, now = new Date()): Promise<ChannelCredentials> {
  if (tls === undefined) return ChannelCredentials.createInsecure();
  const { ca, pinned } = tls;
  const name = namesOf(tls);
  const roots = ca === undefined ? null : Buffer.from(await readAuthorities({ path: ca, name: name.ca }, now));
  const own = await clientIdentity(tls, now);
  const [server] = pinned === undefined ? [] : await readCertificates({ path: pinned, name: "cluster.tls.cert" });
  return ChannelCredentials.createSsl(
    roots,
    own === undefined ? null : Buffer.from(own.key),
    own === undefined ? null : Buffer.from(own.certificate),
    server === undefined ? {} : onlyIf(server.raw),
  );
}

/** The names of a client's settings: flags, or keys of the run whose certificate is pinned. */
const namesOf = ({ pinned }: ClientTls): Readonly<Record<"ca" | "cert" | "key", string>> =>
  pinned === undefined
    ? { ca: "--tls-ca", cert: "--tls-cert", key: "--tls-key" }
    : { ca: "cluster.tls.ca", cert: "cluster.tls.cert", key: "cluster.tls.key" };

async function clientIdentity(tls: ClientTls, now: Date): Promise<Identity | undefined> {
  const { cert, key } = tls;
  const name = namesOf(tls);
  if (cert === undefined && key === undefined) return undefined;
  if (cert !== undefined && key !== undefined)
    return readIdentity({ path: cert, name: name.cert }, { path: key, name: name.key }, now);
  const [given, missing] = cert === undefined ? ["--tls-key", "--tls-cert"] : ["--tls-cert", "--tls-key"];
  throw new CoxswainError("config", `${given} is given without ${missing}`, {
    hint: "A certificate and its private key belong together: give both, or neither.",
  });
}

/** Credentials of a worker's server: its self-signed certificate, or no TLS. */
export function ownServerCredentials(own: OwnCertificate | null): ServerCredentials {
  if (own === null) return ServerCredentials.createInsecure();
  const pem = Buffer.from(pemOf(own.certificate));
  return ServerCredentials.createSsl(null, [{ cert_chain: pem, private_key: Buffer.from(own.privateKey) }]);
}

/**
 * Accepts only a server that has the key of this certificate, whatever its name or address.
 * @param certificate DER; empty: the server has no TLS
 * @throws if it is not a certificate
 */
export function pinnedCredentials(certificate: Uint8Array): ChannelCredentials {
  if (certificate.length === 0) return ChannelCredentials.createInsecure();
  const context = createSecureContext({ ca: pemOf(certificate) });
  return ChannelCredentials.createFromSecureContext(context, onlyIf(certificate));
}

/** Accepts exactly this certificate (DER), whatever its name. */
const onlyIf = (certificate: Uint8Array): VerifyOptions => ({
  checkServerIdentity: (_, { raw }) =>
    raw.equals(certificate) ? undefined : new Error("it presents another certificate"),
});

const pemOf = (certificate: Uint8Array): string => new X509Certificate(certificate).toString();

/**
 * Metadata with a token.
 * @throws CoxswainError "config" for a token that no header can carry
 */
export function withToken(token: string | null | undefined, metadata = new Metadata()): Metadata {
  // An empty variable stands for none.
  if (token === null || token === undefined || token === "") return metadata;
  const problem = tokenProblem(token);
  if (problem !== undefined)
    throw new CoxswainError("config", `the token ${problem}`, {
      hint: "A token is printable ASCII without spaces: check --token and COXSWAIN_TOKEN.",
    });
  metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}

/** Whether the caller sent the token; compared in constant time. Always true if no token is required. */
export function showsToken(metadata: Metadata, token: string | null): boolean {
  if (token === null) return true;
  const [shown] = metadata.get("authorization");
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(typeof shown === "string" ? shown : ""), digest(`Bearer ${token}`));
}
