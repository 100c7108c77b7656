/**
 * The queue of submitted runs, from a server's side: takes one run at a time, holds it while it executes, and reports
 * its outcome. Reports use the current connection, so that a run survives a lost one.
 */
import { nanos } from "nats";
import type { Msg, NatsConnection } from "nats";
import { pause } from "../async/index.js";
import type { NatsConnectionSettings } from "../config/index.js";
import type { CoxswainError } from "../errors.js";
import { openConnection } from "./connection.js";
import { EventPublisher } from "./event-publisher.js";
import { explainJetStream } from "./explain.js";
import { hangUp, NatsLink } from "./link.js";
import { ensureConsumer, ensureQueueStream, serverPatience } from "./streams.js";
import { queueEventSubject, queueStream, queueSubject, serversConsumer } from "./subjects.js";
import type { QueueEvent } from "./subjects.js";

/** How long one request for a run waits in the server, ms. */
const pullTime = 5_000;
/** Delay between attempts while there is no connection, ms. */
const retryInterval = 500;
/** How long the last events may take, ms. */
const farewell = 3_000;

/** A run that this server holds until one of the three outcomes is reported. Each is retried until NATS confirms it. */
export interface TakenRun {
  /** The submission, not yet parsed. */
  readonly payload: string;
  /** The run's name, as the subject has it. */
  readonly run: string;
  /** Identifies this delivery of the message uniquely. */
  readonly delivery: string;
  /** It is over, and leaves the queue. */
  finish(): Promise<void>;
  /** It is redelivered to a server after at least `delay` ms. */
  giveBack(delay: number): Promise<void>;
}

export class RunQueue {
  readonly #link: NatsLink;
  readonly #onTrouble: (error: CoxswainError) => void;
  readonly #publisher: EventPublisher;
  readonly #leaving: AbortSignal;
  #connection: NatsConnection | undefined;

  private constructor(
    settings: NatsConnectionSettings,
    leaving: AbortSignal,
    first: NatsConnection,
    onTrouble: (error: CoxswainError) => void,
  ) {
    this.#leaving = leaving;
    this.#onTrouble = onTrouble;
    this.#connection = first;
    let next: NatsConnection | undefined = first;
    this.#publisher = new EventPublisher({ onDropped: () => undefined, onTrouble, onRecovered: () => undefined });
    this.#link = new NatsLink({
      open: async () => {
        const connection = next ?? (await openConnection(settings, "serves runs"));
        next = undefined;
        return connection;
      },
      users: [
        { up: (connection) => (this.#connection = connection), down: () => (this.#connection = undefined) },
        this.#publisher,
      ],
      onConnected: () => undefined,
      onTrouble,
    });
  }

  /**
   * @param leaving no further run is taken once it is aborted
   * @param onTrouble called with the reason if the queue becomes unavailable; it is retried
   * @throws CoxswainError "config" for unreadable files, "network" if there is no server with JetStream
   */
  static async open(
    settings: NatsConnectionSettings,
    leaving: AbortSignal,
    onTrouble: (error: CoxswainError) => void,
  ): Promise<RunQueue> {
    const connection = await openConnection(settings, "serves runs");
    try {
      await ensureConsumer(await ensureQueueStream(connection));
    } catch (error) {
      await hangUp(connection);
      throw explainJetStream(error, "the queue of runs cannot be used");
    }
    return new RunQueue(settings, leaving, connection, onTrouble);
  }

  /** Waits for the next run; undefined once this server is leaving. */
  async next(): Promise<TakenRun | undefined> {
    const signal = this.#leaving;
    const request = JSON.stringify({ batch: 1, expires: nanos(pullTime) });
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${queueStream.name}.${serversConsumer}`;
    while (!signal.aborted) {
      const connection = this.#connection;
      if (connection === undefined) {
        await pause(retryInterval, signal);
        continue;
      }
      try {
        // A separate subscription: a run arrives under the subject that it was submitted on.
        const options = { timeout: pullTime + retryInterval, noMux: true };
        const message = await connection.request(subject, request, options);
        // A message without a run means that none was submitted in this time.
        if (message.headers?.hasError !== true) return this.#take(message);
      } catch (error) {
        if (connection.isClosed()) continue;
        this.#onTrouble(explainJetStream(error, "no run can be taken"));
        await pause(pullTime, signal);
        await this.#mend(connection);
      }
    }
    return undefined;
  }

  /** Publishes a queue event of a run. @param id of the submission, plus what makes this event unique */
  announce(run: string, event: QueueEvent, id: string, detail: object): void {
    const payload = { run, event: `queue_${event}`, time: new Date().toISOString(), ...detail };
    this.#publisher.publish({ subject: queueEventSubject(run, event), payload: JSON.stringify(payload), id });
  }

  async close(): Promise<void> {
    await Promise.race([this.#publisher.emptied(), pause(farewell)]);
    await this.#link.close();
  }

  #take(message: Msg): TakenRun {
    const { reply = "" } = message;
    const alive = setInterval(() => {
      // If it is lost, so is the connection.
      if (this.#connection?.isClosed() === false) this.#connection.publish(reply, "+WPI");
    }, serverPatience / 3);
    const settle = async (word: string): Promise<void> => {
      await this.#confirm(reply, word);
      clearInterval(alive);
    };
    return {
      payload: message.string(),
      run: message.subject.slice(queueSubject("").length),
      // The subject of its acknowledgement: stream, consumer, and the numbers of both and of the delivery.
      delivery: reply,
      finish: () => settle("+ACK"),
      giveBack: (delay) => settle(`-NAK ${JSON.stringify({ delay: nanos(delay) })}`),
    };
  }

  /**
   * Repeats the report until NATS confirms it. A leaving server tries once: without a report, the run is later given to
   * another server, which finds the completed work.
   */
  async #confirm(reply: string, word: string): Promise<void> {
    for (;;) {
      const connection = this.#connection;
      try {
        if (connection !== undefined) {
          await connection.request(reply, word, { timeout: pullTime });
          return;
        }
      } catch {
        // The link reports lost connections.
      }
      if (this.#leaving.aborted) return;
      await pause(retryInterval, this.#leaving);
    }
  }

  /** The stream or its consumer may have been deleted; the next attempt reports why it cannot be created again. */
  async #mend(connection: NatsConnection): Promise<void> {
    await ensureQueueStream(connection)
      .then(ensureConsumer)
      .catch(() => undefined);
  }
}
