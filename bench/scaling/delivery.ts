/**
 * What messages and pulls cost, and how long they take: every control message and every call takes processor time at both
 * ends, and vectors pass in chunks through processors and lines. One element of a vector stands for many, as if the
 * gradient had `floats` elements.
 */
import type { VectorDtype } from "../../src/collective/index.js";
import type { Delivery, Exchange, SendMessage } from "../../tests/support/simulation/delivery.js";
import type { VirtualProcess, VirtualTime } from "../../tests/support/simulation/virtual-clock.js";
import { costs, elementBytes, lineOverhead } from "./costs.js";
import { ReceivedContent, contentSent } from "./message-costs.js";
import { Processor } from "./processor.js";
import { transfer } from "./transfer.js";

export interface TimedDeliveryOptions {
  /** One way, ms. */
  readonly latency: number;
  readonly dtype: VectorDtype;
  /** Elements of the gradient. */
  readonly floats: number;
  /** How many of them one simulated element stands for, except the last, which stands for the rest. */
  readonly weight: number;
  readonly pieceBytes: number | undefined;
}

export class TimedDelivery implements Delivery {
  /** Bytes of the coordinator's control messages so far. */
  messageBytes = 0;
  /** Vectors pulled so far. */
  pulls = 0;
  readonly #time: VirtualTime;
  readonly #coordinator: Processor;
  /** The newest message of the coordinator. */
  #written: Uint8Array | undefined;
  readonly #options: TimedDeliveryOptions;

  constructor(time: VirtualTime, coordinator: Processor, options: TimedDeliveryOptions) {
    this.#time = time;
    this.#coordinator = coordinator;
    this.#options = options;
  }

  /** Small messages do not wait for bulk: lines share themselves between connections. */
  delay(): number {
    return this.#options.latency;
  }

  direction(from: VirtualProcess, to: VirtualProcess): SendMessage {
    const [sender, receiver] = [processorOf(from), processorOf(to)];
    const { floats, weight, latency } = this.#options;
    const content = new ReceivedContent(receiver.name, weight);
    return (sent, arrive) => {
      if (sent !== undefined) {
        // Bytes that were serialized once for several receivers cost their content once.
        const again = sent.bytes === this.#written;
        sender.spend(ms(costs.control.send + (again ? 0 : contentSent(sent, floats))));
        if (sender === this.#coordinator) {
          this.#written = sent.bytes;
          this.messageBytes += sent.bytes.length;
        }
      }
      sender.leave(() => {
        receiver.arrive(latency, () => {
          if (sent !== undefined) receiver.spend(ms(costs.control.receive + content.cost(sent)));
          arrive();
        });
      });
    };
  }

  exchange({ client, server, pulls }: Exchange, serve: () => boolean, arrive: () => void): void {
    const [asking, answering] = [processorOf(client), processorOf(server)];
    if (pulls === undefined) {
      const { latency } = this.#options;
      asking.leave(() =>
        answering.arrive(latency, () => {
          if (serve()) asking.arrive(latency, arrive);
        }),
      );
      return;
    }
    const { dtype, floats, weight, latency, pieceBytes } = this.#options;
    const rates = costs.pulls[dtype];
    const taken = pulls.of === "contribution" ? rates.added : rates.taken;
    const end = pulls.offset + pulls.length;
    this.pulls++;
    transfer(
      {
        time: this.#time,
        server: answering,
        client: asking,
        overhead: lineOverhead,
        latency,
        pieceBytes,
        cost: {
          clientCall: ms(costs.pulls.clientCall),
          serverCall: ms(costs.pulls.serverCall),
          clientByte: ms(asking === this.#coordinator ? rates.whole : taken),
          serverByte: ms(rates[pulls.of]),
        },
      },
      (Math.min(end * weight, floats) - pulls.offset * weight) * elementBytes[dtype],
      serve,
      arrive,
    );
  }
}

const ms = (seconds: number): number => seconds * 1000;

function processorOf(process: VirtualProcess): Processor {
  if (process instanceof Processor) return process;
  throw new TypeError("timed messages need processes with a processor");
}
