/** TLS credentials from files, and the shared token. */
import { X509Certificate, createHash, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { ChannelCredentials, Metadata, ServerCredentials } from "@grpc/grpc-js";
import type { VerifyOptions } from "@grpc/grpc-js";
import { CoxswainError, messageOf } from "../errors.js";
import type { OwnCertificate } from "./own-certificate.js";

/** PEM files of a server. `ca`: clients must show a certificate signed by it (mutual TLS). */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | null;
}

/** PEM files of a client. `ca`: who may have signed the server's certificate; system roots where it is absent. */
export interface ClientTls {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** The certificate that the server must show, and may under whatever name or address. */
  readonly pinned?: string;
}

async function readPem(file: string, what: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new CoxswainError("config", `${what} ${file} cannot be read: ${messageOf(error)}`, {
      hint: "Give the path of a PEM file that this user may read.",
      cause: error,
    });
  }
}

export async function serverCredentials(tls: ServerTls | null): Promise<ServerCredentials> {
  if (tls === null) return ServerCredentials.createInsecure();
  const certificate = await readPem(tls.cert, "cluster.tls.cert");
  const key = await readPem(tls.key, "cluster.tls.key");
  const roots = tls.ca === null ? null : await readPem(tls.ca, "cluster.tls.ca");
  try {
    return ServerCredentials.createSsl(roots, [{ cert_chain: certificate, private_key: key }], roots !== null);
  } catch (error) {
    throw new CoxswainError("config", `cluster.tls: ${tls.cert} and ${tls.key} do not work: ${messageOf(error)}`, {
      hint: "Both must be PEM files, and the key must belong to the certificate.",
      cause: error,
    });
  }
}

export async function clientCredentials(tls: ClientTls | undefined): Promise<ChannelCredentials> {
  if (tls === undefined) return ChannelCredentials.createInsecure();
  const roots = tls.ca === undefined ? null : await readPem(tls.ca, "--tls-ca");
  const certificate = tls.cert === undefined ? null : await readPem(tls.cert, "--tls-cert");
  const key = tls.key === undefined ? null : await readPem(tls.key, "--tls-key");
  const pinned = tls.pinned === undefined ? undefined : await readPem(tls.pinned, "cluster.tls.cert");
  try {
    const verify = pinned === undefined ? {} : onlyIf(new X509Certificate(pinned).raw);
    return ChannelCredentials.createSsl(roots, key, certificate, verify);
  } catch (error) {
    throw new CoxswainError("config", `the TLS files do not work: ${messageOf(error)}`, {
      hint: "--tls-cert and --tls-key go together, and all must be PEM files.",
      cause: error,
    });
  }
}

/** A worker's own server: with the certificate that it made for itself, or without TLS. */
export function ownServerCredentials(own: OwnCertificate | null): ServerCredentials {
  if (own === null) return ServerCredentials.createInsecure();
  const pem = Buffer.from(pemOf(own.certificate));
  return ServerCredentials.createSsl(null, [{ cert_chain: pem, private_key: Buffer.from(own.privateKey) }]);
}

/**
 * Reaches whoever has the key of that certificate, under whatever name or address, and nobody else.
 * @param certificate DER; empty: the server has no TLS
 * @throws where it is no certificate
 */
export function pinnedCredentials(certificate: Uint8Array): ChannelCredentials {
  if (certificate.length === 0) return ChannelCredentials.createInsecure();
  const context = createSecureContext({ ca: pemOf(certificate) });
  return ChannelCredentials.createFromSecureContext(context, onlyIf(certificate));
}

/** Whoever shows this certificate (DER) is the one, whatever name it has. */
const onlyIf = (certificate: Uint8Array): VerifyOptions => ({
  checkServerIdentity: (_, { raw }) =>
    raw.equals(certificate) ? undefined : new Error("it shows another certificate"),
});

const pemOf = (certificate: Uint8Array): string => new X509Certificate(certificate).toString();

/** Metadata that shows a token. */
export function withToken(token: string | null | undefined, metadata = new Metadata()): Metadata {
  if (token !== null && token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}

/** Whether the caller showed the token; compared in constant time. Always true where none is asked for. */
export function showsToken(metadata: Metadata, token: string | null): boolean {
  if (token === null) return true;
  const [shown] = metadata.get("authorization");
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(typeof shown === "string" ? shown : ""), digest(`Bearer ${token}`));
}
