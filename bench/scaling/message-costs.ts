/** Processor time of what control messages contain, and of the additions that go with them, in seconds. */
import type { CoordinatorMessage, WorkerMessage } from "../../src/rpc/index.js";
import type { SentMessage } from "../../tests/support/simulation/delivery.js";
import { costs } from "./costs.js";

/** Of either direction: the part that a message has is set. */
type Message = Omit<CoordinatorMessage, "message"> & Omit<WorkerMessage, "message">;

/**
 * At the sender. A worker that announces a sum has added the gradients of its shards: one addition less than shards.
 * @param floats elements of the gradient
 */
export function contentSent({ message, bytes }: SentMessage, floats: number): number {
  const { lease, collect, commit, contribution }: Message = message;
  if (lease) return costs.control.sendByte * bytes.length;
  if (collect) return costs.control.sendPart * (collect.parts?.length ?? 0);
  if (commit) return costs.control.sendSlice * (commit.slices?.length ?? 0);
  return contribution ? ((contribution.count ?? 1) - 1) * floats * costs.kernels.add : 0;
}

/** At a receiver: a worker adds its own sums to a slice, and copies the slices that it has reduced itself. */
export class ReceivedContent {
  readonly #workerId: string;
  readonly #weight: number;
  /** Elements of the slices of the step, by place. */
  readonly #lengths = new Map<number, number>();

  /** @param weight elements that a simulated one stands for */
  constructor(workerId: string, weight: number) {
    this.#workerId = workerId;
    this.#weight = weight;
  }

  cost({ message, bytes }: SentMessage): number {
    const { lease, reduce, collect, commit }: Message = message;
    if (lease) return costs.control.receiveByte * bytes.length;
    if (reduce) this.#lengths.set(Number(reduce.slice), Number(reduce.length));
    if (collect) {
      const parts = collect.parts ?? [];
      const own = parts.filter(({ source }) => source?.workerId === this.#workerId).length;
      const length = this.#lengths.get(Number(collect.slice)) ?? 0;
      return costs.control.receivePart * parts.length + own * this.#addition(length);
    }
    if (commit) {
      const slices = commit.slices ?? [];
      const own = slices.find(({ reducer }) => reducer?.workerId === this.#workerId);
      return costs.control.receiveSlice * slices.length + this.#addition(Number(own?.length ?? 0));
    }
    return 0;
  }

  #addition(length: number): number {
    return length * this.#weight * costs.kernels.add;
  }
}
