/** The worker's end of the control stream: sends, queues what comes in, keeps both sides from thinking the other dead. */
import { status } from "@grpc/grpc-js";
import type { ClientDuplexStream, Metadata, ServiceError } from "@grpc/grpc-js";
import { AsyncQueue } from "../async/index.js";
import type { CoordinatorMessageOutput, CoordinatorStub, WorkerMessage } from "../rpc/index.js";

/** Why a stream ended. A refusal is final; anything else is worth another attempt. */
export type StreamEnd =
  { readonly kind: "refused"; readonly reason: string } | { readonly kind: "lost"; readonly reason: string };

/** Silence before the welcome after which the coordinator is taken for dead, ms. */
const welcomeTimeout = 10_000;

const refusals: readonly number[] = [
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  status.FAILED_PRECONDITION,
  status.INVALID_ARGUMENT,
  status.UNIMPLEMENTED,
];

export class ControlStream {
  readonly #stream: ClientDuplexStream<WorkerMessage, CoordinatorMessageOutput>;
  readonly #queue = new AsyncQueue<CoordinatorMessageOutput>();
  #end: StreamEnd | undefined;
  #lastHeard: number;
  #timer: NodeJS.Timeout | undefined;
  /** Something was said since the timer last fired: that is as good as a heartbeat. */
  #spoke = false;

  /** @param onArrival sees each message the moment it comes, before those queued ahead of it are dealt with */
  constructor(
    client: CoordinatorStub,
    metadata: Metadata,
    readonly now: () => number,
    onArrival: (message: CoordinatorMessageOutput) => void,
  ) {
    this.#lastHeard = now();
    this.#stream = client.attend(metadata);
    this.#stream.on("data", (message: CoordinatorMessageOutput) => {
      this.#lastHeard = now();
      onArrival(message);
      if (message.message !== "heartbeat") this.#queue.push(message);
    });
    this.#stream.on("error", (error: ServiceError) => {
      const kind = refusals.includes(error.code) ? "refused" : "lost";
      this.#finish({ kind, reason: error.details || error.message });
    });
    this.#stream.on("end", () => this.#finish({ kind: "lost", reason: "the coordinator closed the stream" }));
    this.keepAlive(welcomeTimeout);
  }

  /** What the coordinator says, in order, until the stream ends. */
  get messages(): AsyncIterable<CoordinatorMessageOutput> {
    return this.#queue;
  }

  /** Set once the stream has ended. */
  get end(): StreamEnd | undefined {
    return this.#end;
  }

  send(message: WorkerMessage): void {
    this.#spoke = true;
    if (this.#end === undefined) this.#stream.write(message);
  }

  /** From now on: something is said at least twice in `timeout` ms, and the end when nothing is heard for that long. */
  keepAlive(timeout: number): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      const silence = this.now() - this.#lastHeard;
      if (silence > timeout) this.#lose(`nothing was heard of the coordinator for ${(silence / 1000).toFixed(0)} s`);
      else if (!this.#spoke) this.send({ heartbeat: {} });
      this.#spoke = false;
    }, timeout / 4);
  }

  /** Says goodbye where the stream still stands; resolves when what was sent has left. */
  async close(goodbye?: WorkerMessage): Promise<void> {
    if (this.#end === undefined) {
      if (goodbye !== undefined) this.send(goodbye);
      await new Promise<void>((resolve) => {
        setTimeout(resolve, 1000).unref();
        this.#stream.once("close", resolve).once("error", resolve).once("end", resolve);
        this.#stream.end();
      });
    }
    this.#lose("closed by this worker");
  }

  #lose(reason: string): void {
    this.#finish({ kind: "lost", reason });
    this.#stream.cancel();
  }

  #finish(end: StreamEnd): void {
    this.#end ??= end;
    clearInterval(this.#timer);
    this.#queue.end();
  }
}
