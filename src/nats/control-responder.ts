/** Answers control requests over NATS by forwarding them to RunControl. */
import type { Msg, NatsConnection } from "nats";
import { detach } from "../async/index.js";
import { Places, stopReason, watchStatus } from "../control/index.js";
import type { RunControl } from "../control/index.js";
import { CoxswainError } from "../errors.js";
import { errorReply, parseRequest } from "./control-messages.js";
import type { ControlReply } from "./control-messages.js";
import { explainJetStream } from "./explain.js";
import type { LinkUser } from "./link.js";
import { controlSubject, verbOf, verbs } from "./subjects.js";
import type { Verb } from "./subjects.js";

/** Maximum number of concurrent watchers, and of callers that wait for a checkpoint. */
const callersAllowed = 32;
/** How long statuses are sent to a watcher unless it repeats the request, ms. */
export const watchTime = 15_000;

export class ControlResponder implements LinkUser {
  readonly #run: string;
  readonly #control: RunControl;
  readonly #onTrouble: (error: CoxswainError) => void;
  readonly #waiting = new Places(callersAllowed);
  /** By reply subject: ends the watch. */
  readonly #watching = new Map<string, () => void>();

  /** @param onTrouble called with the reason if requests cannot be received */
  constructor(run: string, control: RunControl, onTrouble: (error: CoxswainError) => void) {
    this.#run = run;
    this.#control = control;
    this.#onTrouble = onTrouble;
  }

  up(connection: NatsConnection): void {
    connection.subscribe(controlSubject(this.#run, "*"), {
      callback: (error, message) => {
        // The library's: a subscription that the server does not allow.
        if (error === null) this.#handle(connection, message);
        else this.#onTrouble(explainJetStream(error, `the run cannot be controlled by the name ${this.#run}`));
      },
    });
  }

  down(): void {
    for (const end of [...this.#watching.values()]) end();
  }

  #handle(connection: NatsConnection, message: Msg): void {
    const answer = (reply: ControlReply): void => {
      if (!connection.isClosed()) message.respond(JSON.stringify(reply));
    };
    const asked = new Promise<ControlReply | undefined>((resolve) => {
      const verb = verbOf(message.subject);
      if (verb === undefined) throw new CoxswainError("usage", `unknown request; a run supports ${verbs.join(", ")}`);
      const { by } = parseRequest(message.string());
      if (verb !== "watch") resolve(this.#ask(verb, by));
      else {
        this.#watch(message, answer);
        resolve(undefined);
      }
    });
    detach(
      asked.then((reply) => {
        if (reply !== undefined) answer(reply);
      }),
      (error) => answer(errorReply(error)),
    );
  }

  async #ask(verb: Exclude<Verb, "watch">, by: string | undefined): Promise<ControlReply> {
    switch (verb) {
      case "status":
        return { status: this.#control.status() };
      case "pause":
        return { status: await this.#control.pause(by) };
      case "resume":
        return { status: await this.#control.resume(by) };
      case "stop":
        return { status: await this.#control.stop(stopReason(by)) };
      case "checkpoint": {
        const leave = this.#waiting.enter();
        return { checkpoint: await this.#control.checkpoint().finally(leave) };
      }
    }
  }

  /** A repeated request with the same subject continues the watch. */
  #watch({ reply }: Msg, answer: (reply: ControlReply) => void): void {
    if (reply === undefined || reply === "") return;
    this.#watching.get(reply)?.();
    if (this.#watching.size >= callersAllowed)
      throw new CoxswainError("cluster", `${callersAllowed} clients are already watching this run`, {
        hint: "Try again in a moment.",
      });
    const end = (): void => {
      clearTimeout(timer);
      unwatch();
      this.#watching.delete(reply);
    };
    const timer = setTimeout(() => end(), watchTime);
    const unwatch = watchStatus(this.#control, (status) => answer({ status }));
    this.#watching.set(reply, end);
  }
}
