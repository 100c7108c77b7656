/** Controls a run over NATS, by its name. Every request has a deadline, and errors are messages for users. */
import { ErrorCode, createInbox } from "nats";
import type { NatsConnection } from "nats";
import { detach, AsyncQueue } from "../async/index.js";
import { serverUrls } from "../config/index.js";
import type { NatsConnectionSettings } from "../config/index.js";
import { isOver } from "../control/index.js";
import type { Checkpoint, RemoteRun, RunStatus } from "../control/index.js";
import { CoxswainError } from "../errors.js";
import { openConnection } from "./connection.js";
import { parseReply } from "./control-messages.js";
import { watchTime } from "./control-responder.js";
import { explainJetStream, hasCode } from "./explain.js";
import { controlSubject } from "./subjects.js";
import type { Verb } from "./subjects.js";

export interface NatsRunOptions {
  readonly settings: NatsConnectionSettings;
  /** The run's name. */
  readonly run: string;
  /** Who asks: "user@host". */
  readonly caller: string;
}

/** How long a coordinator may take to answer, ms. */
const patience = 10_000;
/** How long a watched coordinator may be silent, ms: three times its keep-alive interval. */
const silenceAllowed = 15_000;

/** @throws CoxswainError "config" for unreadable files, "network" if no server accepts */
export async function connectNatsRun(options: NatsRunOptions): Promise<RemoteRun> {
  return new NatsRun(await openConnection(options.settings, `steers ${options.run}`), options);
}

class NatsRun implements RemoteRun {
  readonly #connection: NatsConnection;
  readonly #options: NatsRunOptions;
  readonly #request: string;

  constructor(connection: NatsConnection, options: NatsRunOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#request = JSON.stringify({ by: options.caller });
  }

  status(): Promise<RunStatus> {
    return this.#askStatus("status");
  }

  pause(): Promise<RunStatus> {
    return this.#askStatus("pause");
  }

  resume(): Promise<RunStatus> {
    return this.#askStatus("resume");
  }

  stop(): Promise<RunStatus> {
    return this.#askStatus("stop");
  }

  async checkpoint(wait: number): Promise<Checkpoint> {
    const reply = await this.#ask("checkpoint", wait);
    if ("checkpoint" in reply) return reply.checkpoint;
    throw this.#silent(wait);
  }

  async *watch(): AsyncGenerator<RunStatus, void, undefined> {
    const statuses = new AsyncQueue<RunStatus | CoxswainError>();
    const reply = createInbox();
    const fail = (error: unknown): void => statuses.push(this.#explain(error, silenceAllowed));
    let silence: NodeJS.Timeout | undefined;
    const heard = (): void => {
      clearTimeout(silence);
      silence = setTimeout(() => statuses.push(this.#silent(silenceAllowed)), silenceAllowed);
    };
    const subscription = this.#connection.subscribe(reply, {
      callback: (error, message) => {
        heard();
        if (error !== null) fail(error);
        // No responders: the library does not raise an error here.
        else if (message.data.length === 0 && message.headers?.code === 503) statuses.push(this.#nobody());
        else statuses.push(this.#statusIn(message.string()));
      },
    });
    const ask = (): void =>
      this.#connection.publish(controlSubject(this.#options.run, "watch"), this.#request, { reply });
    const again = setInterval(ask, watchTime / 3);
    try {
      heard();
      ask();
      for await (const status of statuses) {
        if (status instanceof CoxswainError) throw status;
        yield status;
        if (isOver(status.state)) return;
      }
    } finally {
      clearTimeout(silence);
      clearInterval(again);
      subscription.unsubscribe();
    }
  }

  close(): void {
    // Nobody awaits it, and nothing can be done about it.
    detach(this.#connection.close(), () => undefined);
  }

  async #askStatus(verb: Verb): Promise<RunStatus> {
    const reply = await this.#ask(verb, patience);
    if ("status" in reply) return reply.status;
    throw this.#silent(patience);
  }

  async #ask(verb: Verb, timeout: number) {
    try {
      const answer = await this.#connection.request(controlSubject(this.#options.run, verb), this.#request, {
        timeout,
      });
      return parseReply(answer.string());
    } catch (error) {
      throw this.#explain(error, timeout);
    }
  }

  #statusIn(text: string): RunStatus | CoxswainError {
    try {
      const reply = parseReply(text);
      return "status" in reply ? reply.status : this.#silent(silenceAllowed);
    } catch (error) {
      return this.#explain(error, silenceAllowed);
    }
  }

  #explain(error: unknown, waited: number): CoxswainError {
    if (error instanceof CoxswainError) return error;
    if (hasCode(error, ErrorCode.NoResponders)) return this.#nobody();
    if (hasCode(error, ErrorCode.Timeout)) return this.#silent(waited);
    return explainJetStream(error, `the run ${this.#options.run} cannot be reached`);
  }

  #nobody(): CoxswainError {
    const { run, settings } = this.#options;
    return new CoxswainError("cluster", `no run named ${run} is active at ${serverUrls(settings).join(", ")}`, {
      hint: "It is over, or has another name: telemetry.nats.run of its run file, or the last part of its output_dir.",
    });
  }

  #silent(waited: number): CoxswainError {
    return new CoxswainError(
      "network",
      `no message from the coordinator of ${this.#options.run} for ${waited / 1000} s`,
      { hint: "Its machine or the network may be down. Try again." },
    );
  }
}
