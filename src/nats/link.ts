/**
 * A connection for as long as it is wanted: opened in the background, and opened again whenever it is lost, for ever.
 * Those who use it are told when there is one. Nobody waits for it.
 */
import type { NatsConnection } from "nats";
import { nextWait, pause } from "../async/index.js";
import type { BackOff } from "../async/index.js";
import type { CoxswainError } from "../errors.js";

/** What goes over a link. Neither call may throw. */
export interface LinkUser {
  /** There is a connection, until `down`. */
  up(connection: NatsConnection): void;
  /** What was under way on it has failed, or is about to. */
  down(): void;
}

export interface LinkOptions {
  /** @throws CoxswainError */
  readonly open: () => Promise<NatsConnection>;
  readonly users: readonly LinkUser[];
  readonly onConnected: (connected: boolean) => void;
  /** Why there is no connection; called again for another reason, or after there was one. */
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

  /** Sends what was published, then hangs up. */
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

/** How long the last words may take, ms. */
const farewell = 1_000;

/** Closes a connection once what was published has gone out. */
export async function hangUp(connection: NatsConnection): Promise<void> {
  if (!connection.isClosed()) await Promise.race([connection.drain().catch(() => undefined), pause(farewell)]);
  await connection.close();
}
