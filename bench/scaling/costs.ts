/**
 * The measured constants of the cost model. Processor time, in seconds, of one core of the machine that bench/README.md
 * tells of, with other work beside: docs/scaling.md says how each was measured.
 */
import type { VectorDtype } from "../../src/collective/index.js";

const GiB = 2 ** 30;
const us = 1e-6;

/** What elements weigh on the wire, bytes. */
export const elementBytes: Readonly<Record<VectorDtype, number>> = { float32: 4, bfloat16: 2 };

/** bench/scaling/measure.mjs */
const pulls = {
  /** A pull of nothing, over a stream that is open. */
  clientCall: 110 * us,
  serverCall: 90 * us,
  /** Seconds a byte at either end. */
  float32: {
    /** A reducer's: added to its sibling on its way. */
    added: 1.2 / GiB,
    /** The coordinator's: into a vector that was used before, and added or copied afterwards. */
    whole: 1.45 / GiB,
    /** A worker's that takes a reduced gradient. */
    taken: 1.05 / GiB,
    /** The server's, of a contribution: with its checksum, and in bfloat16 rounding. */
    contribution: 0.67 / GiB,
    /** The server's, of a sum that many pull: checksums and rounding were made for the first. */
    reduced: 0.57 / GiB,
  },
  bfloat16: {
    added: 1.9 / GiB,
    whole: 2.0 / GiB,
    taken: 1.4 / GiB,
    contribution: 1.15 / GiB,
    reduced: 0.55 / GiB,
  },
};

/**
 * bench/scaling/measure.mjs; each end of a control stream, where messages come together. One that comes alone wakes the
 * process up, which makes it three to four times as dear; a loaded process does not notice.
 */
const control = {
  send: 60 * us,
  receive: 85 * us,
  /** What a message repeats: parts of Collect, slices of Commit, bytes of a Lease's rows. */
  sendPart: 2 * us,
  receivePart: 0.6 * us,
  sendSlice: 1.8 * us,
  receiveSlice: 0.75 * us,
  sendByte: 0.0021 * us,
  receiveByte: 0.002 * us,
};

/** The state machine: seconds an event, an effect, and for each worker whom an event makes it look at. */
const machine = { event: 5 * us, effect: 1 * us, lookedAt: 0.13 * us };

/** bench/kernels.mjs; seconds an element. */
const kernels = {
  add: 1.5e-9,
  norm: 0.82e-9,
  /** AdamW and the fingerprint of the state. */
  apply: 5.33e-9 + 4.34e-9,
};

export const costs = { pulls, control, machine, kernels };
export type CostModel = typeof costs;

/**
 * What a byte of payload weighs on an Ethernet line: frames of HTTP/2 (9 bytes in 16 KiB) and of a chunk (37 in 256 KiB),
 * then packets of 1448 bytes that take 1538.
 */
export const lineOverhead = (1 + 9 / 16384 + 37 / 262144) * (1538 / 1448);
