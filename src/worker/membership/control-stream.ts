/** The worker's end of the control stream: sends heartbeats, detects a dead coordinator, and closes the stream. */
import type { Clock, Timer } from "../../clock.js";
import type { WorkerMessage } from "../../rpc/index.js";
import type { ControlCall, ControlListener, CoordinatorConnection, StreamEnd } from "../transport.js";

/** Silence before the welcome after which the coordinator is considered dead, ms. */
const welcomeTimeout = 10_000;

/** How long the coordinator may take to end a stream that this worker has finished, ms. */
const closeTimeout = 1_000;

export class ControlStream {
  readonly #call: ControlCall;
  readonly #clock: Clock;
  readonly #listener: ControlListener;
  #ended = false;
  #lastHeard: number;
  #timer: Timer | undefined;
  /** Whether a message was sent since the timer last fired; it replaces a heartbeat. */
  #spoke = false;
  #closed: Promise<void> | undefined;
  #onEnded: (() => void) | undefined;

  /** @param listener receives every message except heartbeats */
  constructor(connection: Pick<CoordinatorConnection, "attend">, clock: Clock, listener: ControlListener) {
    this.#clock = clock;
    this.#listener = listener;
    this.#lastHeard = clock.now();
    this.#call = connection.attend({
      message: (message) => {
        this.#lastHeard = clock.now();
        if (message.message !== "heartbeat" && !this.#ended) listener.message(message);
      },
      ended: (end) => this.#end(end),
    });
    this.keepAlive(welcomeTimeout);
  }

  send(message: WorkerMessage): void {
    this.#spoke = true;
    if (!this.#ended) this.#call.send(message);
  }

  /** From now on, sends a message at least twice per `timeout` ms, and ends the stream after that much silence. */
  keepAlive(timeout: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.every(timeout / 4, () => {
      const silence = this.#clock.now() - this.#lastHeard;
      if (silence > timeout) this.#lose(`the coordinator sent nothing for ${(silence / 1000).toFixed(0)} s`);
      else if (!this.#spoke) this.send({ heartbeat: {} });
      this.#spoke = false;
    });
  }

  /** Ends the stream; resolves when all messages have been sent. Idempotent. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    if (!this.#ended)
      await new Promise<void>((resolve) => {
        const timer = this.#clock.after(closeTimeout, resolve);
        this.#onEnded = () => {
          timer.cancel();
          resolve();
        };
        this.#call.finish();
      });
    this.#lose("closed by this worker");
  }

  #lose(reason: string): void {
    this.#end({ kind: "lost", reason });
    this.#call.cancel();
  }

  #end(end: StreamEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    this.#onEnded?.();
    this.#listener.ended(end);
  }
}
