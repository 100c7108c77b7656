/** Reads certificates or a private key from a PEM file; errors say what else the file contains. */
import { X509Certificate, createPrivateKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { saveToFile, specialKind } from "../regular-file.js";

export interface NamedFile {
  readonly path: string;
  /** The key or flag that names it: "cluster.tls.cert", "--tls-ca". */
  readonly name: string;
}

/** @throws CoxswainError "config" that names key and file */
export function badFile({ name, path }: NamedFile, what: string, hint: string, cause?: unknown): CoxswainError {
  return new CoxswainError("config", `${name}: ${path} ${what}`, cause === undefined ? { hint } : { hint, cause });
}

const troubles: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EISDIR: "is a folder, not a file",
  EACCES: "is not readable by this user",
};

/** Certificates and keys take a few KB. */
const maxBytes = 1 << 20;

async function read(file: NamedFile): Promise<Buffer> {
  if (file.path === "") throw badFile(file, "names no file", "Give the path of a PEM file.");
  let bytes: Buffer;
  try {
    const stats = await stat(file.path);
    const kind = specialKind(stats);
    if (kind !== undefined) throw badFile(file, `is ${kind}, not a file`, saveToFile);
    if (stats.size > maxBytes)
      throw badFile(file, "is larger than 1 MiB, too large for a PEM file", "Give the path of a PEM file.");
    bytes = await readFile(file.path);
  } catch (error) {
    if (error instanceof CoxswainError) throw error;
    const what = troubles[systemCodeOf(error) ?? ""] ?? `cannot be read: ${messageOf(error)}`;
    throw badFile(file, what, "Give the path of a PEM file that this user can read.", error);
  }
  if (bytes.toString("latin1").trim() === "") throw badFile(file, "is empty", "Create it again, or copy it again.");
  return bytes;
}

interface Block {
  /** "CERTIFICATE", "EC PRIVATE KEY" … */
  readonly label: string;
  readonly text: string;
}

const blocksOf = (bytes: Buffer): Block[] =>
  [...bytes.toString("latin1").matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g)].map(
    ([text, label = ""]) => ({ label, text }),
  );

const isCertificate = ({ label }: Block): boolean => /^(X509 |TRUSTED )?CERTIFICATE$/.test(label);
const isPrivateKey = ({ label }: Block): boolean => /^([A-Z]+ )?PRIVATE KEY$/.test(label);

/** All certificates of a file. @throws CoxswainError "config" if it contains none, or an unreadable one */
export async function readCertificates(file: NamedFile): Promise<readonly [X509Certificate, ...X509Certificate[]]> {
  const bytes = await read(file);
  const blocks = blocksOf(bytes);
  const certificates = blocks.filter(isCertificate).map(({ text }, index) => {
    try {
      return new X509Certificate(text);
    } catch (error) {
      throw badFile(file, `is damaged: certificate ${index + 1} in it cannot be read`, "Copy it again.", error);
    }
  });
  const [first, ...others] = certificates;
  if (first !== undefined) return [first, ...others];
  throw badFile(file, `contains no certificate: ${contentOf(bytes, blocks)}`, certificateHint(bytes, blocks));
}

function certificateHint(bytes: Buffer, blocks: readonly Block[]): string {
  if (blocks.some(isPrivateKey)) return "Certificate and key may have been swapped.";
  if (isDer(bytes)) return "Convert it: openssl x509 -inform der -in FILE -out FILE.pem";
  return "It must be a PEM file, which begins -----BEGIN CERTIFICATE-----";
}

/** The private key of a file. @throws CoxswainError "config" if it contains none usable without a passphrase */
export async function readPrivateKey(file: NamedFile): Promise<{ readonly pem: string; readonly key: KeyObject }> {
  const bytes = await read(file);
  const blocks = blocksOf(bytes);
  const block = blocks.find(isPrivateKey);
  if (block === undefined)
    throw badFile(file, `contains no private key: ${contentOf(bytes, blocks)}`, keyHint(bytes, blocks));
  if (block.label.startsWith("ENCRYPTED") || block.text.includes("Proc-Type: 4,ENCRYPTED"))
    throw badFile(
      file,
      "is encrypted, and its passphrase cannot be prompted for",
      "Decrypt it into a file that only this user can read: openssl pkey -in FILE -out FILE.pem",
    );
  try {
    return { pem: `${block.text}\n`, key: createPrivateKey(block.text) };
  } catch (error) {
    const openSsh = block.label.startsWith("OPENSSH");
    throw openSsh
      ? badFile(file, "is an OpenSSH key", "Convert a copy of it: ssh-keygen -p -m PEM -f COPY", error)
      : badFile(file, "is damaged: its private key cannot be read", "Copy it again, or make a new one.", error);
  }
}

function keyHint(bytes: Buffer, blocks: readonly Block[]): string {
  if (blocks.some(isCertificate)) return "Certificate and key may have been swapped.";
  if (isDer(bytes)) return "Convert it: openssl pkey -inform der -in FILE -out FILE.pem";
  return "It must be a PEM file, which begins -----BEGIN PRIVATE KEY-----";
}

/** The actual content of a file, as a clause. */
function contentOf(bytes: Buffer, blocks: readonly Block[]): string {
  const [block] = blocks;
  if (block !== undefined) return `it contains a ${block.label.toLowerCase()}`;
  if (bytes.includes("-----BEGIN ")) return "it is truncated";
  return isDer(bytes) ? "it is DER or PKCS #12, not PEM" : "it is not a PEM file";
}

/** One ASN.1 sequence that is as long as the file, as a certificate or a key in DER is. */
function isDer(bytes: Buffer): boolean {
  const [tag, length = 0] = bytes;
  const size = length < 0x80 ? 0 : length & 0x7f;
  if (tag !== 0x30 || size > 4 || bytes.length < 2 + size) return false;
  const content = size === 0 ? length : bytes.readUIntBE(2, size);
  return bytes.length === 2 + size + content;
}
