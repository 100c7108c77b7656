/** The calls' metadata: its names, and what is checked in it. */
import { createHash, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Metadata } from "@grpc/grpc-js";

export const metadataKeys = {
  /** Identifies the run and the incarnation of its coordinator. */
  run: "coxswain-run",
  worker: "coxswain-worker",
  /** Welcome.session_key: proves that the caller is that worker. */
  session: "coxswain-session",
  step: "coxswain-step",
  first: "coxswain-first",
  count: "coxswain-count",
  /** Checksum of the step, first and count of a push: see `nodeChecksum`. */
  checksum: "coxswain-checksum",
} as const;

/** Whether text can be sent in a header: printable ASCII without spaces. */
export const isHeaderText = (text: string): boolean => /^[\x21-\x7e]*$/.test(text);

/** Whether the caller of a bulk call has the key of a session; compared in constant time. */
export function isSession(metadata: Metadata, key: string): boolean {
  const [shown] = metadata.get(metadataKeys.session);
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return typeof shown === "string" && timingSafeEqual(digest(shown), digest(key));
}

/** The CRC-32 of a push's metadata about its contribution, in decimal. */
export const nodeChecksum = (step: number, first: number, count: number): string =>
  String(crc32(`${step} ${first} ${count}`));
