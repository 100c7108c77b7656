/**
 * The queue of submitted runs, as a server of it sees it: takes one at a time, keeps it while it runs, says what came of
 * it. What is said about a run goes over whichever connection there is, so that a run outlives one that is lost.
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
/** Between attempts while there is no connection, ms. */
const retryInterval = 500;
/** How long the last events may take, ms. */
const farewell = 3_000;

/** A run that this server holds until it has said one of the three. All of them are tried until the server confirms. */
export interface TakenRun {
  /** What was submitted, unread. */
  readonly payload: string;
  /** The run's name, as the subject has it. */
  readonly run: string;
  /** Of the message and of this delivery of it: no other delivery has the same. */
  readonly delivery: string;
  /** It is over, and leaves the queue. */
  finish(): Promise<void>;
  /** It is given to a server again, not before `delay` ms. */
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
   * @param leaving takes no further run once it is aborted
   * @param onTrouble is told why there is no queue, later on; it is tried again
   * @throws CoxswainError "config" for files that cannot be read, "network" where there is no server with JetStream
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

  /** The next run, whenever it comes; undefined once this server is leaving. */
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
        // A subscription of its own: a run comes under the subject that it was submitted on.
        const options = { timeout: pullTime + retryInterval, noMux: true };
        const message = await connection.request(subject, request, options);
        // A message without a run says why there is none: nobody submitted one in this time.
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

  /** Tells of a submitted run, among its events. @param id of the submission, and what makes this event one of its own */
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
      // Where it is lost, so is the connection.
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
   * Says it until the server has heard it. One that leaves tries once: unsaid, the run is given to another in a while,
   * which finds what was done.
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
        // The link tells of a connection that is lost.
      }
      if (this.#leaving.aborted) return;
      await pause(retryInterval, this.#leaving);
    }
  }

  /** The stream or its consumer may be gone; why it cannot be made again is told by the next attempt. */
  async #mend(connection: NatsConnection): Promise<void> {
    await ensureQueueStream(connection)
      .then(ensureConsumer)
      .catch(() => undefined);
  }
}
