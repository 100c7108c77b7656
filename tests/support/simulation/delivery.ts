/** How messages and vectors travel in an in-memory network: when they arrive, and in which order. */
import type { VectorRange } from "../../../src/collective/index.js";
import type { CoordinatorMessage, WorkerMessage } from "../../../src/rpc/index.js";
import type { VirtualProcess, VirtualTime } from "./virtual-clock.js";

export interface Delivery {
  /** Latency of the next small packet, ms. */
  delay(): number;
  /** Opens one direction of a control stream. Its messages arrive in the order in which they were sent. */
  direction(from: VirtualProcess, to: VirtualProcess): SendMessage;
  /**
   * Carries a call to its server and the answer back.
   * @param serve runs in the server's process; returns false if the caller no longer waits, so that nothing comes back
   * @param arrive runs in the client's process, once the whole answer is there
   */
  exchange(call: Exchange, serve: () => boolean, arrive: () => void): void;
}

/**
 * Sends a message, or the end of the stream if there is none; `arrive` runs in the receiver's process.
 * @param bytes of the serialized message; the same array for a message that was serialized once for several receivers
 */
export type SendMessage = (sent: SentMessage | undefined, arrive: () => void) => void;

export interface SentMessage {
  readonly message: CoordinatorMessage | WorkerMessage;
  readonly bytes: Uint8Array;
}

export interface Exchange {
  readonly client: VirtualProcess;
  readonly server: VirtualProcess;
  /** What the client pulls; undefined: a call whose size does not matter. */
  readonly pulls: PulledVector | undefined;
}

/** Elements [offset, offset + length) of a sum of shards, or of a step's reduced gradient. */
export interface PulledVector extends VectorRange {
  readonly of: "contribution" | "reduced";
}

export interface RandomDeliveryOptions {
  readonly random: () => number;
  /** Minimum and maximum latency, ms. */
  readonly latency: readonly [number, number];
  /** Probability that a message is late by up to `lateBy` ms; later messages on its stream wait for it. */
  readonly late: number;
  readonly lateBy: number;
}

/** Random latencies, and messages that are late: whatever is sent arrives as a whole, and takes no processor time. */
export class RandomDelivery implements Delivery {
  readonly #time: VirtualTime;
  readonly #options: RandomDeliveryOptions;

  constructor(time: VirtualTime, options: RandomDeliveryOptions) {
    this.#time = time;
    this.#options = options;
  }

  delay(): number {
    const [low, high] = this.#options.latency;
    return low + (high - low) * this.#options.random();
  }

  direction(_from: VirtualProcess, to: VirtualProcess): SendMessage {
    const { random, late, lateBy } = this.#options;
    let last = 0;
    return (_sent, arrive) => {
      const { now } = this.#time;
      const additional = late > 0 && random() < late ? random() * lateBy : 0;
      last = Math.max(last + 0.001, now + this.delay() + additional);
      to.arrive(last - now, arrive);
    };
  }

  exchange({ client, server }: Exchange, serve: () => boolean, arrive: () => void): void {
    server.arrive(this.delay(), () => {
      if (serve()) client.arrive(this.delay(), arrive);
    });
  }
}
