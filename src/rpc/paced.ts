/**
 * Reads the requests of a stream no faster than their answers leave, and those of all streams together at a moderate
 * rate: the library's own service, reflection, answers every request immediately, whether or not anybody reads, and one
 * answer costs a hundred times its bytes. Our own streams have their own flow control.
 */
import { ServerInterceptingCall } from "@grpc/grpc-js";
import type { ServerInterceptor } from "@grpc/grpc-js";

/** Answers of a stream that may wait to be sent. */
const waitingAllowed = 1;

/** Time between two requests of all streams, ms, and how far ahead of it they may be: a tool asks a dozen times. */
const interval = 5;
const ahead = 200;

export function paced(): ServerInterceptor {
  /** When the next request may be read if none was ahead of time, monotonic ms. */
  let next = 0;
  const delay = (): number => {
    const now = performance.now();
    next = Math.max(next, now) + interval;
    return Math.max(0, next - now - ahead);
  };
  return ({ path, requestStream, responseStream }, call) =>
    path.startsWith("/grpc.") && requestStream && responseStream
      ? new PacedCall(call, delay)
      : new ServerInterceptingCall(call);
}

class PacedCall extends ServerInterceptingCall {
  readonly #delay: () => number;
  #waiting = 0;
  #wantsNext = false;

  /** @param delay how long the next request has to wait, ms */
  constructor(call: ConstructorParameters<typeof ServerInterceptingCall>[0], delay: () => number) {
    super(call);
    this.#delay = delay;
  }

  override sendMessage(message: unknown, sent: () => void): void {
    this.#waiting++;
    super.sendMessage(message, () => {
      this.#waiting--;
      sent();
      if (this.#wantsNext) this.startRead();
    });
  }

  override startRead(): void {
    this.#wantsNext = this.#waiting > waitingAllowed;
    if (this.#wantsNext) return;
    const delay = this.#delay();
    if (delay === 0) super.startRead();
    else setTimeout(() => super.startRead(), delay).unref();
  }
}
