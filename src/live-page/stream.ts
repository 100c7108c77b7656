/** Open pages: each gets a snapshot, then updates, as server-sent events. */
import type { ServerResponse } from "node:http";

/** Interval of updates, ms. */
const interval = 500;

/** Keep-alive interval without changes, ms. */
const silence = 10_000;

/** Maximum number of concurrent pages. */
const pagesAllowed = 64;

/** Maximum unread bytes per page; beyond that it is disconnected, and reconnects automatically. */
const backlogAllowed = 4 * 1024 * 1024;

export interface LiveStreamOptions<Snapshot, Update> {
  readonly snapshot: () => Snapshot;
  /** The changes since the last call; undefined if there are none and `always` is not set. */
  readonly takeUpdate: (always: boolean) => Update | undefined;
  /** Monotonic, ms. */
  readonly now: () => number;
}

export class LiveStream<Snapshot, Update> {
  readonly #options: LiveStreamOptions<Snapshot, Update>;
  readonly #pages = new Set<ServerResponse>();
  #timer: NodeJS.Timeout | undefined;
  /** When something was last sent. */
  #spokeAt = 0;

  constructor(options: LiveStreamOptions<Snapshot, Update>) {
    this.#options = options;
  }

  get full(): boolean {
    return this.#pages.size >= pagesAllowed;
  }

  /** Takes over a response whose head is written. */
  open(response: ServerResponse): void {
    this.#pages.add(response);
    response.once("close", () => {
      this.#pages.delete(response);
      if (this.#pages.size === 0) this.#rest();
    });
    response.write(message("snapshot", this.#options.snapshot()));
    this.#timer ??= setInterval(() => this.#tell(), interval);
  }

  /** Sends the outcome, and ends. */
  close(): void {
    this.#tell();
    this.#rest();
    for (const page of this.#pages) page.end();
    this.#pages.clear();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tell(): void {
    const now = this.#options.now();
    const update = this.#options.takeUpdate(now - this.#spokeAt >= silence);
    if (update === undefined) return;
    this.#spokeAt = now;
    const text = message("update", update);
    for (const page of this.#pages) {
      if (page.writableLength > backlogAllowed) page.destroy();
      else page.write(text);
    }
  }
}

/** JSON has no line breaks, which end a message. */
const message = (event: string, data: unknown): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
