/** Names of the metadata that calls carry. */
import { crc32 } from "node:zlib";

export const metadataKeys = {
  /** Which run, and which life of its coordinator. */
  run: "coxswain-run",
  worker: "coxswain-worker",
  step: "coxswain-step",
  first: "coxswain-first",
  count: "coxswain-count",
  /** Of step, first and count of a push, against damage: see `nodeChecksum`. */
  checksum: "coxswain-checksum",
} as const;

/** The CRC-32 of what a push says of its contribution, in decimals. */
export const nodeChecksum = (step: number, first: number, count: number): string =>
  String(crc32(`${step} ${first} ${count}`));
