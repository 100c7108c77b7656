/** Finds the coordinator of a run by its name, repeatedly: it may be restarted elsewhere. */
import { hostname } from "node:os";
import type { NatsConnection } from "nats";
import { serverUrls } from "../config/index.js";
import type { Address, NatsConnectionSettings } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import { newest } from "./announcer.js";
import { openConnection } from "./connection.js";
import { explainJetStream } from "./explain.js";
import { addressFrom } from "./lease.js";
import type { Announcement } from "./lease.js";
import { hangUp, NatsLink } from "./link.js";
import { openCoordinators } from "./streams.js";

export class CoordinatorFinder {
  readonly #run: string;
  readonly #where: string;
  readonly #link: NatsLink;
  #connection: NatsConnection | undefined;
  #trouble: CoxswainError | undefined;
  #known: Address | undefined;

  private constructor(run: string, settings: NatsConnectionSettings, first: NatsConnection) {
    this.#run = run;
    this.#where = serverUrls(settings).join(", ");
    this.#connection = first;
    let next: NatsConnection | undefined = first;
    this.#link = new NatsLink({
      open: async () => {
        const connection = next ?? (await openConnection(settings, `finds ${run}`));
        next = undefined;
        return connection;
      },
      users: [{ up: (connection) => (this.#connection = connection), down: () => (this.#connection = undefined) }],
      onConnected: () => undefined,
      onTrouble: (error) => (this.#trouble = error),
    });
  }

  /**
   * @throws CoxswainError "config" for unreadable files, "network" if there is no server with JetStream, or access is
   * denied
   */
  static async open(run: string, settings: NatsConnectionSettings): Promise<CoordinatorFinder> {
    const connection = await openConnection(settings, `finds ${run}`);
    try {
      await lookFor(run, connection);
    } catch (error) {
      await hangUp(connection);
      throw error;
    }
    return new CoordinatorFinder(run, settings, connection);
  }

  /** For messages. */
  get name(): string {
    return `the run ${this.#run}`;
  }

  /**
   * Its current address; if that cannot be determined, its last known address.
   * @throws CoxswainError "network" if that is unknown; retry
   */
  async locate(): Promise<Address> {
    try {
      this.#known = await this.#look();
    } catch (error) {
      if (this.#known === undefined) throw error;
    }
    return this.#known;
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  async #look(): Promise<Address> {
    const connection = this.#connection;
    if (connection === undefined)
      throw this.#trouble ?? new CoxswainError("network", `no connection to NATS at ${this.#where} now`);
    const found = await lookFor(this.#run, connection);
    if (found !== undefined) return addressFrom(found, this.#run, hostname());
    throw new CoxswainError("network", `no coordinator announces the run ${this.#run} at ${this.#where}`, {
      hint: "Its name is telemetry.nats.run of its run file, or the last part of its output_dir; it is announced while its coordinator runs.",
    });
  }
}

/** @returns undefined if the run has no coordinator @throws CoxswainError "network" */
async function lookFor(run: string, connection: NatsConnection): Promise<Announcement | undefined> {
  try {
    return await newest(await openCoordinators(connection), run);
  } catch (error) {
    throw explainJetStream(error, `the coordinator of ${run} cannot be found`);
  }
}
