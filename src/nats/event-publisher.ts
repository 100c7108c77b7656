/**
 * Publishes events to their stream, in order, until the server has stored each. Meanwhile they are in a bounded buffer,
 * which drops the oldest when it is full. Publishers never wait.
 *
 * A batch is acknowledged from its front; what follows a gap is sent again, and the stream drops what it has by its id.
 */
import type { JetStreamClient, NatsConnection } from "nats";
import { detach, nextWait, pause } from "../async/index.js";
import type { BackOff } from "../async/index.js";
import type { CoxswainError } from "../errors.js";
import { EventBuffer } from "./event-buffer.js";
import { explainJetStream } from "./explain.js";
import type { LinkUser } from "./link.js";
import { ensureEventStream } from "./streams.js";

export interface StoredEvent {
  readonly subject: string;
  /** JSON. */
  readonly payload: string;
  /** Identifies duplicates. */
  readonly id: string;
}

export interface PublisherOptions {
  /** An event is lost. */
  readonly onDropped: () => void;
  /** Called with the reason when events cannot be stored; again if the reason changes or after a recovery. */
  readonly onTrouble: (error: CoxswainError) => void;
  /** Events are stored again, after a failure. */
  readonly onRecovered: () => void;
}

/** Maximum number of buffered events: about 4 MB. */
export const bufferCapacity = 10_000;
/** Maximum number of events in flight. */
const batchSize = 64;
/** How long the server may take to store one, ms. */
const acknowledgeTimeout = 5_000;
const backOff: BackOff = { first: 500, last: 10_000 };

export class EventPublisher implements LinkUser {
  readonly #options: PublisherOptions;
  readonly #buffer = new EventBuffer<StoredEvent>(bufferCapacity);
  #connection: NatsConnection | undefined;
  #wake: () => void = () => undefined;
  #emptied: (() => void)[] = [];
  #said: string | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Events that the server has not stored yet. */
  get waiting(): number {
    return this.#buffer.length;
  }

  publish(event: StoredEvent): void {
    if (this.#buffer.push(event)) this.#options.onDropped();
    this.#wake();
  }

  /** Resolves when the buffer is empty. */
  emptied(): Promise<void> {
    if (this.#buffer.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#emptied.push(resolve));
  }

  up(connection: NatsConnection): void {
    this.#connection = connection;
    detach(this.#send(connection), (error) =>
      this.#options.onTrouble(explainJetStream(error, "events are not stored")),
    );
  }

  down(): void {
    this.#connection = undefined;
    this.#wake();
  }

  async #send(connection: NatsConnection): Promise<void> {
    let wait = backOff.first;
    let stream: JetStreamClient | undefined;
    while (this.#connection === connection) {
      try {
        if (this.#buffer.length === 0) await this.#something();
        else {
          stream ??= (await ensureEventStream(connection)).jetstream();
          await this.#sendBatch(stream);
          wait = backOff.first;
          this.#recovered();
        }
      } catch (error) {
        // The link reports lost connections.
        if (this.#connection !== connection || connection.isClosed()) return;
        // The stream may have been deleted.
        stream = undefined;
        this.#trouble(error as CoxswainError);
        await pause(wait);
        wait = nextWait(wait, backOff);
      }
    }
  }

  /** @throws CoxswainError "network" if not all were stored */
  async #sendBatch(stream: JetStreamClient): Promise<void> {
    const batch = this.#buffer.oldest(batchSize);
    const outcomes = await Promise.allSettled(
      batch.map(({ item: { subject, payload, id } }) =>
        stream.publish(subject, payload, { msgID: id, timeout: acknowledgeTimeout }),
      ),
    );
    const failed = outcomes.findIndex(({ status }) => status === "rejected");
    const stored = batch[(failed < 0 ? batch.length : failed) - 1];
    if (stored !== undefined) this.#buffer.acknowledge(stored.sequence);
    if (this.#buffer.length === 0) for (const resolve of this.#emptied.splice(0)) resolve();
    const outcome = outcomes[failed];
    if (outcome?.status === "rejected") throw explainJetStream(outcome.reason, "events are not stored");
  }

  /** Resolves when there is an event to send, or the connection is lost. */
  #something(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  #trouble(error: CoxswainError): void {
    if (this.#said === error.message) return;
    this.#said = error.message;
    this.#options.onTrouble(error);
  }

  #recovered(): void {
    if (this.#said === undefined) return;
    this.#said = undefined;
    this.#options.onRecovered();
  }
}
