/** Names of the calls' metadata. */
import { crc32 } from "node:zlib";

export const metadataKeys = {
  /** Identifies the run and the incarnation of its coordinator. */
  run: "coxswain-run",
  worker: "coxswain-worker",
  step: "coxswain-step",
  first: "coxswain-first",
  count: "coxswain-count",
  /** Checksum of the step, first and count of a push: see `nodeChecksum`. */
  checksum: "coxswain-checksum",
} as const;

/** Whether text can be sent in a header: printable ASCII without spaces. */
export const isHeaderText = (text: string): boolean => /^[\x21-\x7e]*$/.test(text);

/** The CRC-32 of a push's metadata about its contribution, in decimal. */
export const nodeChecksum = (step: number, first: number, count: number): string =>
  String(crc32(`${step} ${first} ${count}`));
