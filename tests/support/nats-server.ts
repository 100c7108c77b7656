/**
 * A real nats-server, which `scripts/install-nats-server.mjs` fetches: started, killed, started again with what it
 * stored.
 */
import { spawn } from "node:child_process";
import { accessSync, constants, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { connect, type ConnectionOptions, type NatsConnection } from "nats";
import { afterAll } from "vitest";
import { freePort } from "../../src/chaos/ports.js";
import { temporaryFolder } from "./processes.js";
import { WatchedProcess } from "./watched-process.js";

export const natsServerProgram = join(homedir(), ".cache", "coxswain", "nats", "nats-server");

/** Suffix of the names of tests that are skipped without the server. */
export const skippedWithoutNats = ((): string => {
  try {
    accessSync(natsServerProgram, constants.X_OK);
    return "";
  } catch {
    return " (skipped: no nats-server; get it with `node scripts/install-nats-server.mjs`)";
  }
})();

const servers: NatsServer[] = [];
afterAll(() => {
  for (const server of servers) server.kill();
});

export interface ServerOptions {
  /** Default true. */
  readonly jetStream?: boolean;
  /** Further lines of its configuration file. */
  readonly configuration?: string;
}

export class NatsServer {
  readonly url: string;
  readonly #folder = temporaryFolder();
  #process: WatchedProcess | undefined;

  private constructor(port: number, { jetStream = true, configuration = "" }: ServerOptions) {
    this.url = `nats://127.0.0.1:${port}`;
    const lines = [
      `listen: "127.0.0.1:${port}"`,
      jetStream ? `jetstream { store_dir: "${join(this.#folder, "store")}" }` : "",
      configuration,
    ];
    writeFileSync(join(this.#folder, "server.conf"), lines.join("\n"));
    servers.push(this);
  }

  static async start(options: ServerOptions = {}): Promise<NatsServer> {
    const server = new NatsServer(await freePort(["127.0.0.1"]), options);
    await server.start();
    return server;
  }

  /** Again, with what it stored, at the same port. Resolves when it accepts connections; rejects with its log. */
  async start(): Promise<void> {
    const words = ["-c", join(this.#folder, "server.conf")];
    this.#process = new WatchedProcess(spawn(natsServerProgram, words, { stdio: ["ignore", "ignore", "pipe"] }));
    await this.#process.until(/Server is ready/);
  }

  /** kill -9 */
  kill(): void {
    this.#process?.signal("SIGKILL");
  }

  connect(options: ConnectionOptions = {}): Promise<NatsConnection> {
    return connect({ servers: this.url, ...options });
  }
}

/** A message of a stream, read back. */
export interface ReadEvent {
  readonly subject: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** All events of a run, in the order in which the server has them. */
export async function storedEvents(connection: NatsConnection, run: string): Promise<ReadEvent[]> {
  const manager = await connection.jetstreamManager();
  const { state } = await manager.streams.info("coxswain_events");
  const events: ReadEvent[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage("coxswain_events", { seq });
    if (message.subject.startsWith(`coxswain.${run}.events.`))
      events.push({ subject: message.subject, body: message.json() });
  }
  return events;
}
