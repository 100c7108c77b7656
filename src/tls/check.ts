/** Validates certificates, keys and authorities for TLS: readable, matching, and valid now. */
import type { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { messageOf } from "../errors.js";
import { badFile, readCertificates, readPrivateKey } from "./pem-file.js";
import type { NamedFile } from "./pem-file.js";

/** A certificate (the chain behind it, its own first) and its private key, PEM. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/**
 * @param now for the certificate's dates
 * @throws CoxswainError "config" that names the invalid file
 */
export async function readIdentity(cert: NamedFile, key: NamedFile, now: Date): Promise<Identity> {
  const chain = await readCertificates(cert);
  const { pem, key: privateKey } = await readPrivateKey(key);
  const [own, ...others] = chain;
  if (!own.checkPrivateKey(privateKey)) {
    const later = others.some((certificate) => certificate.checkPrivateKey(privateKey));
    throw later
      ? badFile(cert, "has its certificates in the wrong order", "Put the key's certificate first.")
      : badFile(key, `does not belong to the certificate in ${cert.path}`, `Give the private key of ${cert.path}.`);
  }
  const trouble = dateTrouble(own, now);
  if (trouble !== undefined) throw badFile(cert, trouble, "Create a new one, or correct this machine's clock.");
  const identity = { certificate: chain.join("\n"), key: pem };
  try {
    createSecureContext({ cert: identity.certificate, key: identity.key });
  } catch (error) {
    const hint = "Create a new certificate and key, such as ECDSA with P-256.";
    throw badFile(cert, `cannot be used with ${key.path}: ${messageOf(error)}`, hint, error);
  }
  return identity;
}

/**
 * Trusted authorities, PEM.
 * @throws CoxswainError "config" that names the invalid file
 */
export async function readAuthorities(file: NamedFile, now: Date): Promise<string> {
  const certificates = await readCertificates(file);
  // A bundle may contain an expired one.
  const troubles = certificates.map((certificate) => dateTrouble(certificate, now));
  const [trouble] = troubles;
  if (trouble !== undefined && troubles.every((one) => one !== undefined))
    throw badFile(file, trouble, "Get the authority's new certificate, or correct this machine's clock.");
  return certificates.join("\n");
}

/** Why a certificate is not valid now, as a clause; undefined if it is. */
export function dateTrouble(
  { validFrom, validTo }: Pick<X509Certificate, "validFrom" | "validTo">,
  now: Date,
): string | undefined {
  const [from, to] = [new Date(validFrom), new Date(validTo)];
  if (now > to) return `expired on ${stamp(to)}`;
  if (now < from) return `is valid from ${stamp(from)} on, but this machine's clock is at ${stamp(now)}`;
  return undefined;
}

/** "2026-11-30 12:00:00 UTC" */
const stamp = (date: Date): string => `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
