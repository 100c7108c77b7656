/**
 * A persistent connection: opened in the background, and reopened indefinitely whenever it is lost. Users are notified
 * when it is up. Nobody waits for it.
 */
import type { NatsConnection } from "nats";
import { nextWait, pause } from "../async/index.js";
import type { BackOff } from "../async/index.js";
import type { CoxswainError } from "../errors.js";

/** A user of a link. Neither call may throw. */
export interface LinkUser {
  /** The connection is up, until `down`. */
  up(connection: NatsConnection): void;
  /** Operations in flight have failed, or are about to. */
  down(): void;
}

export interface LinkOptions {
  /** @throws CoxswainError */
  readonly open: () => Promise<NatsConnection>;
  readonly users: readonly LinkUser[];
  readonly onConnected: (connected: boolean) => void;
  /** Called with the reason when there is no connection; again if the reason changes or after a recovery. */
  readonly onTrouble: (error: CoxswainError) => void;
  readonly backOff?: BackOff;
}

const usualBackOff: BackOff = { first: 200, last: 10_000 };

export class NatsLink {
  readonly #options: LinkOptions;
  readonly #closing = new AbortController();
  readonly #over: Promise<void>;
  #connection: NatsConnection | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    options.onConnected(false);
    this.#over = this.#keep();
  }

  /** Flushes, then closes. */
  async close(): Promise<void> {
    this.#closing.abort();
    if (this.#connection !== undefined) await hangUp(this.#connection);
    await this.#over;
  }

  async #keep(): Promise<void> {
    const { users, onConnected, onTrouble, backOff = usualBackOff } = this.#options;
    const { signal } = this.#closing;
    let wait = backOff.first;
    let said: string | undefined;
    while (!signal.aborted) {
      try {
        this.#connection = await this.#options.open();
      } catch (error) {
        const { message } = error as CoxswainError;
        if (message !== said) onTrouble(error as CoxswainError);
        said = message;
        await pause(wait, signal);
        wait = nextWait(wait, backOff);
        continue;
      }
      said = undefined;
      wait = backOff.first;
      await this.#use(this.#connection, users, onConnected);
      this.#connection = undefined;
      await pause(wait, signal);
    }
  }

  async #use(connection: NatsConnection, users: readonly LinkUser[], onConnected: (connected: boolean) => void) {
    if (this.#closing.signal.aborted) await connection.close();
    onConnected(true);
    for (const user of users) user.up(connection);
    await connection.closed();
    for (const user of users) user.down();
    onConnected(false);
  }
}

/** Time limit of the final flush, ms. */
const farewell = 1_000;

/** Closes a connection after flushing it. */
export async function hangUp(connection: NatsConnection): Promise<void> {
  if (!connection.isClosed()) await Promise.race([connection.drain().catch(() => undefined), pause(farewell)]);
  await connection.close();
}
