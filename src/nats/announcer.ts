/** Announces a coordinator while it runs: renews the lease, and releases it at the end. */
import type { KV, NatsConnection } from "nats";
import { detach } from "../async/index.js";
import { messageOf } from "../errors.js";
import { explainJetStream } from "./explain.js";
import { mayAnnounce, parseAnnouncement } from "./lease.js";
import type { Announcement } from "./lease.js";
import type { LinkUser } from "./link.js";
import { ensureCoordinators, leaseTime } from "./streams.js";

export interface AnnouncerOptions {
  /** The run's name: the key. */
  readonly run: string;
  readonly own: Announcement;
  /** For the operator: why workers cannot find this coordinator, or that they can again. */
  readonly say: (text: string) => void;
}

export class Announcer implements LinkUser {
  readonly #options: AnnouncerOptions;
  #bucket: KV | undefined;
  #timer: NodeJS.Timeout | undefined;
  #said: string | undefined;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  up(connection: NatsConnection): void {
    const renew = async (): Promise<void> => {
      try {
        this.#bucket ??= await ensureCoordinators(connection);
        await this.#renew(this.#bucket);
      } catch (error) {
        if (!connection.isClosed()) this.#say(explainJetStream(error, "workers cannot find this run").message);
      }
    };
    const renewAlone = (): void => detach(renew(), (error) => this.#options.say(messageOf(error)));
    this.#timer = setInterval(renewAlone, leaseTime / 3);
    renewAlone();
  }

  down(): void {
    clearInterval(this.#timer);
    this.#bucket = undefined;
  }

  /** Releases the announcement, if it is this coordinator's. */
  async withdraw(): Promise<void> {
    clearInterval(this.#timer);
    const { run, own } = this.#options;
    const bucket = this.#bucket;
    if (bucket === undefined) return;
    const found = await newest(bucket, run).catch(() => undefined);
    // An announcement that cannot be released expires with its lease.
    if (found?.run_id === own.run_id) await bucket.delete(run).catch(() => undefined);
  }

  async #renew(bucket: KV): Promise<void> {
    const { run, own } = this.#options;
    const found = await newest(bucket, run);
    if (!mayAnnounce(own, found)) {
      this.#say(
        `another coordinator has taken the name ${run} (process ${found?.pid ?? "?"} on ${found?.host ?? "?"}): workers will find that one`,
      );
      return;
    }
    await bucket.put(run, JSON.stringify(own));
    this.#say(undefined);
  }

  /** Once, until it is another thing. */
  #say(text: string | undefined): void {
    if (text === this.#said) return;
    if (text !== undefined) this.#options.say(text);
    else if (this.#said !== undefined) this.#options.say("workers can find this run again");
    this.#said = text;
  }
}

/** The value of a run's key. */
export async function newest(bucket: KV, run: string): Promise<Announcement | undefined> {
  const entry = await bucket.get(run);
  return entry?.operation === "PUT" ? parseAnnouncement(entry.string()) : undefined;
}
