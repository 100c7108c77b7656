/**
 * Connects a run's coordinator to NATS: publishes its events, answers control requests and announces its address.
 * Training never waits for it; only the end of the run waits briefly for the last events to be stored.
 */
import { hostname } from "node:os";
import { pause } from "../async/index.js";
import { runNameOf } from "../config/index.js";
import type { Address, NatsConfig, RunConfig } from "../config/index.js";
import type { RunControl } from "../control/index.js";
import type { CoxswainError } from "../errors.js";
import type { Logger, RunEvent, RunListener, StepLine } from "../telemetry/index.js";
import { Announcer } from "./announcer.js";
import { openConnection } from "./connection.js";
import { ControlResponder } from "./control-responder.js";
import { EventPublisher } from "./event-publisher.js";
import { advertisedAddress } from "./lease.js";
import { NatsLink } from "./link.js";
import { eventSubject } from "./subjects.js";

export interface RunReporter extends RunListener {
  /** Makes the run controllable and joinable, and sends earlier events. */
  lead(control: RunControl, listens: Address): void;
  close(): Promise<void>;
}

export interface NatsReporterOptions {
  readonly settings: NatsConfig;
  readonly config: RunConfig;
  readonly runId: string;
  readonly onConnected: (connected: boolean) => void;
  readonly onDropped: (events: number) => void;
  readonly logger: Logger;
  readonly note: (text: string) => void;
}

/** How long the end of a run waits for its last events, ms. */
const farewell = 3_000;

export class NatsReporter implements RunReporter {
  readonly #options: NatsReporterOptions;
  readonly #run: string;
  readonly #startedAt = new Date();
  readonly #publisher: EventPublisher;
  #sequence = 0;
  #dropped = 0;
  #announcer: Announcer | undefined;
  #link: NatsLink | undefined;
  #closed: Promise<void> | undefined;

  /** @throws CoxswainError "config" if the run has no valid name */
  constructor(options: NatsReporterOptions) {
    this.#options = options;
    this.#run = runNameOf(options.config);
    this.#publisher = new EventPublisher({
      onDropped: () => this.#drop(1),
      onTrouble: (error) => this.#warn(error),
      onRecovered: () => options.logger.info("NATS stores events again"),
    });
  }

  event({ event, time, ...detail }: RunEvent): void {
    this.#publish(event, { time, ...detail });
  }

  step(line: StepLine): void {
    this.#publish("step", { time: new Date().toISOString(), ...line });
  }

  evaluation(): void {
    // Reported by the event "evaluation_finished".
  }

  rewound(): void {
    // Reported by the event "run_recovered".
  }

  lead(control: RunControl, listens: Address): void {
    const { config, runId, settings, onConnected, logger } = this.#options;
    this.#announcer = new Announcer({
      run: this.#run,
      own: {
        address: advertisedAddress(listens, settings.advertise, hostname()),
        host: hostname(),
        pid: process.pid,
        run_id: runId,
        started_at: this.#startedAt.toISOString(),
        tls: config.cluster.tls !== null,
      },
      say: (text) => this.#say(text),
    });
    this.#link = new NatsLink({
      open: () => openConnection(settings, `leads ${this.#run}`),
      users: [this.#publisher, new ControlResponder(this.#run, control, (error) => this.#warn(error)), this.#announcer],
      onConnected: (connected) => {
        onConnected(connected);
        logger.info(connected ? "connected to NATS" : "not connected to NATS");
      },
      onTrouble: (error) => this.#warn(error),
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    if (this.#link === undefined) return;
    await Promise.race([Promise.all([this.#publisher.emptied(), this.#announcer?.withdraw()]), pause(farewell)]);
    const { waiting } = this.#publisher;
    if (waiting > 0) this.#drop(waiting);
    await this.#link.close();
    if (this.#dropped > 0) this.#say(`${this.#dropped} events did not reach NATS; events.jsonl has them all`);
  }

  #publish(event: Parameters<typeof eventSubject>[1], detail: object): void {
    const { runId } = this.#options;
    const sequence = ++this.#sequence;
    this.#publisher.publish({
      subject: eventSubject(this.#run, event),
      payload: JSON.stringify({ run: this.#run, run_id: runId, sequence, event, ...detail }),
      id: `${runId}:${sequence}`,
    });
  }

  #drop(events: number): void {
    // Only the first is logged; the rest are counted.
    if (this.#dropped === 0) this.#options.logger.warn("the oldest events for NATS are dropped");
    this.#dropped += events;
    this.#options.onDropped(events);
  }

  #warn(error: CoxswainError): void {
    this.#say(`${error.message}; the run continues without it${error.hint === undefined ? "" : `. ${error.hint}`}`);
  }

  #say(text: string): void {
    this.#options.logger.warn(text);
    this.#options.note(`warning: ${text}`);
  }
}
