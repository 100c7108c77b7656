/**
 * Signatures of submitted runs: a server that accepts runs of certain people only need not trust everybody who may
 * publish on the queue. Signed with an NKey (Ed25519), such as the user's own on NATS.
 */
import { readFile } from "node:fs/promises";
import { nkeys } from "nats";
import { CoxswainError } from "../errors.js";
import { saveToFile, specialKindOf } from "../regular-file.js";
import type { Submission } from "./submission.js";

interface KeyPair {
  getPublicKey(): string;
  sign(bytes: Uint8Array): Uint8Array;
  verify(bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** The library declares no types for them. */
const keys = nkeys as {
  fromSeed(seed: Uint8Array): KeyPair;
  fromPublic(key: string): KeyPair;
};

export interface Signed {
  /** The public key, "U…". */
  readonly signer: string;
  /** Base64. */
  readonly signature: string;
}

/** Everything that decides what is executed, and for whom. */
const signedBytes = ({ id, run, submitted_at: at, submitted_by: by, settings }: Submission): Uint8Array =>
  Buffer.from(JSON.stringify(["coxswain submission", id, run, at, by, settings]));

/** @throws CoxswainError "config" if the file has no seed of an NKey */
export async function sign(submission: Submission, seedFile: string): Promise<Submission & Signed> {
  const kind = await specialKindOf(seedFile);
  if (kind !== undefined)
    throw new CoxswainError("config", `--sign: ${seedFile} is ${kind}, not a file`, { hint: saveToFile });
  try {
    const pair = keys.fromSeed(Buffer.from((await readFile(seedFile, "utf8")).trim()));
    const signature = Buffer.from(pair.sign(signedBytes(submission))).toString("base64");
    return { ...submission, signer: pair.getPublicKey(), signature };
  } catch (cause) {
    throw new CoxswainError("config", `--sign: ${seedFile} does not contain the seed of an NKey`, {
      hint: "Its only line begins with SU: create it with `nsc generate nkey --user`.",
      cause,
    });
  }
}

/** @throws CoxswainError "usage" for what is no public key of a user */
export function checkPublicKey(key: string): string {
  try {
    // Only a check of a signature looks at the key's checksum.
    if (publicKey.test(key)) keys.fromPublic(key).verify(new Uint8Array(1), new Uint8Array(64));
    else throw new RangeError("no public key");
    return key;
  } catch {
    const shown = key.startsWith("S") ? "what looks like a seed" : key;
    throw new CoxswainError("usage", `--accept-from: ${shown} is not the public key of an NKey`, {
      hint: "It begins with U: `nsc generate nkey --user` prints it below the seed.",
    });
  }
}

/** Base32 of a prefix, 32 bytes and a checksum. */
const publicKey = /^U[A-Z2-7]{55}$/;

/**
 * @param accepted public keys; null: signatures are not looked at
 * @throws CoxswainError "config" unless one of them signed exactly this submission
 */
export function requireSignature(submission: Submission, accepted: readonly string[] | null): void {
  if (accepted === null) return;
  const { signer, signature } = submission;
  const hint = "Submit it with --sign FILE, a seed whose public key the servers accept (--accept-from).";
  if (signer === undefined || signature === undefined)
    throw new CoxswainError("config", "the run is not signed, and this server accepts signed runs only", { hint });
  if (!accepted.includes(signer))
    throw new CoxswainError("config", "the run is signed with a key that this server does not accept", { hint });
  if (!isSignedBy(signer, signature, submission))
    throw new CoxswainError("config", "the run's signature does not match it: it was changed on its way", { hint });
}

function isSignedBy(signer: string, signature: string, submission: Submission): boolean {
  try {
    return keys.fromPublic(signer).verify(signedBytes(submission), Buffer.from(signature, "base64"));
  } catch {
    // A signature of another length.
    return false;
  }
}
