/**
 * A self-signed certificate of one process. A peer that gets it over a secure channel and pins it reaches that process
 * and no other. It contains no host name and never expires: it is used only while the process runs. Node.js reads
 * certificates but cannot create them, so the few ASN.1 values are encoded here (RFC 5280).
 */
import { X509Certificate, generateKeyPairSync, randomBytes, sign } from "node:crypto";

export interface OwnCertificate {
  /** DER. */
  readonly certificate: Buffer;
  /** PEM (PKCS #8). */
  readonly privateKey: string;
}

/** ECDSA on P-256 with SHA-256. */
export function ownCertificate(): OwnCertificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const toBeSigned = sequence(
    value(0xa0, integer(Buffer.of(2))), // version 3
    integer(positive(randomBytes(16))),
    ecdsaWithSha256,
    name,
    validity,
    name,
    publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = sign("sha256", toBeSigned, { key: privateKey, dsaEncoding: "der" });
  return {
    certificate: sequence(toBeSigned, ecdsaWithSha256, bitString(signature)),
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
}

/** Whether bytes are exactly one DER certificate, or none: that of a peer without TLS. */
export function isCertificate(bytes: Uint8Array): boolean {
  try {
    return bytes.length === 0 || new X509Certificate(bytes).raw.equals(bytes);
  } catch {
    return false;
  }
}

/** A DER value: tag, length, contents. */
function value(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  const { length } = body;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), body]);
}

const sequence = (...contents: readonly Uint8Array[]): Buffer => value(0x30, ...contents);
/** @param bytes big-endian; the first bit is the sign */
const integer = (bytes: Buffer): Buffer => value(0x02, bytes);
const bitString = (bytes: Buffer): Buffer => value(0x03, Buffer.of(0), bytes);
const objectIdentifier = (hex: string): Buffer => value(0x06, Buffer.from(hex, "hex"));
const text = (tag: number, characters: string): Buffer => value(tag, Buffer.from(characters, "latin1"));

/** Neither negative nor longer than necessary. */
function positive(bytes: Buffer): Buffer {
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes;
}

/** 1.2.840.10045.4.3.2 */
const ecdsaWithSha256 = sequence(objectIdentifier("2a8648ce3d040302"));

/** commonName (2.5.4.3) "coxswain worker", as UTF8String. */
const name = sequence(value(0x31, sequence(objectIdentifier("550403"), text(0x0c, "coxswain worker"))));

/** UTCTime and, for "no end" (RFC 5280, 4.1.2.5), GeneralizedTime. */
const validity = sequence(text(0x17, "200101000000Z"), text(0x18, "99991231235959Z"));
