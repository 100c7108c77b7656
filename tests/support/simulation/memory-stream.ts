/** Control streams over an in-memory network: messages are serialized by the real codec, and arrive in order. */
import { attendCall } from "../../../src/coordinator/service/attendance.js";
import type { ControlListener as Attendance } from "../../../src/coordinator/service/transport.js";
import { coordinatorService } from "../../../src/rpc/index.js";
import type { ControlCall, ControlListener, StreamEnd } from "../../../src/worker/index.js";
import type { SendMessage, SentMessage } from "./delivery.js";
import type { Listening, MemoryNetwork } from "./memory-network.js";
import type { VirtualProcess } from "./virtual-clock.js";

const codec = coordinatorService.Attend;

/** One direction of a stream: delivers in order, and nothing once it has been cut. */
class Direction {
  readonly #network: MemoryNetwork;
  readonly #to: VirtualProcess;
  readonly #send: SendMessage;
  #cut = false;

  constructor(network: MemoryNetwork, from: VirtualProcess, to: VirtualProcess) {
    this.#network = network;
    this.#to = to;
    this.#send = network.options.delivery.direction(from, to);
  }

  /** @param sent undefined: the begin or the end of the stream */
  send(sent: SentMessage | undefined, arrive: () => void): void {
    this.#send(sent, () => {
      if (!this.#cut) arrive();
    });
  }

  /** Drops what is in transit and runs `end` at the receiver instead. */
  cut(end: () => void): void {
    if (this.#cut) return;
    this.#cut = true;
    this.#to.arrive(this.#network.delay(), end);
  }
}

export function openStream(
  network: MemoryNetwork,
  { process: coordinator, service }: Listening,
  worker: { readonly process: VirtualProcess; readonly host: string; readonly listener: ControlListener },
): ControlCall {
  const up = new Direction(network, worker.process, coordinator);
  const down = new Direction(network, coordinator, worker.process);
  let attendance: Attendance | undefined;
  const broken = (): void => {
    up.cut(() => end.coordinator("its connection broke"));
    down.cut(() => end.worker({ kind: "lost", reason: "the connection broke" }));
  };
  const closed = {
    worker: network.register({ process: worker.process, other: coordinator, broken }),
    coordinator: network.register({ process: coordinator, other: worker.process, broken }),
  };
  const over = { worker: false, coordinator: false };
  const end = {
    worker: (why: StreamEnd): void => {
      if (over.worker) return;
      over.worker = true;
      closed.worker();
      worker.listener.ended(why);
    },
    coordinator: (reason: string): void => {
      closed.coordinator();
      if (over.coordinator) return;
      over.coordinator = true;
      attendance?.ended(reason);
    },
  };
  if (network.refuses(coordinator)) broken();
  const last = (why: StreamEnd): void => {
    closed.coordinator();
    down.send(undefined, () => end.worker(why));
  };
  up.send(undefined, () => {
    attendance = attendCall(
      {
        host: worker.host,
        send: (message) => {
          const bytes = codec.responseSerialize(message);
          down.send({ message, bytes }, () => {
            if (!over.worker) worker.listener.message(codec.responseDeserialize(bytes));
          });
        },
        end: () => last({ kind: "lost", reason: "the coordinator closed the stream" }),
        refuse: (why, reason) => {
          end.coordinator(reason);
          last({ kind: why === "unfit" ? "refused" : "lost", reason });
        },
      },
      service,
    );
  });
  return {
    send: (message) => {
      if (over.worker) return;
      const bytes = codec.requestSerialize(message);
      up.send({ message, bytes }, () => {
        if (!over.coordinator) attendance?.message(codec.requestDeserialize(bytes));
      });
    },
    finish: () =>
      up.send(undefined, () => {
        end.coordinator("it closed its stream");
        last({ kind: "lost", reason: "the coordinator closed the stream" });
      }),
    cancel: () => {
      end.worker({ kind: "lost", reason: "cancelled" });
      up.send(undefined, () => end.coordinator("its connection broke"));
    },
  };
}
