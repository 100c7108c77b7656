/** The worker's end of the control stream: keeps both sides from taking the other for dead, and ends it in order. */
import type { Clock, Timer } from "../../clock.js";
import type { WorkerMessage } from "../../rpc/index.js";
import type { ControlCall, ControlListener, CoordinatorConnection, StreamEnd } from "../transport.js";

/** Silence before the welcome after which the coordinator is taken for dead, ms. */
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
  /** Something was sent since the timer last fired: that is as good as a heartbeat. */
  #spoke = false;
  #closed: Promise<void> | undefined;
  #onEnded: (() => void) | undefined;

  /** @param listener hears every message but heartbeats */
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

  /** From now on something is sent at least twice in `timeout` ms, and the stream ends when nothing is heard for that long. */
  keepAlive(timeout: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.every(timeout / 4, () => {
      const silence = this.#clock.now() - this.#lastHeard;
      if (silence > timeout) this.#lose(`nothing was heard of the coordinator for ${(silence / 1000).toFixed(0)} s`);
      else if (!this.#spoke) this.send({ heartbeat: {} });
      this.#spoke = false;
    });
  }

  /** Ends the stream; resolves when what was sent has left. May be called twice. */
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
