/** Pages that are open: each is told everything once, then what changes, as server-sent events. */
import type { ServerResponse } from "node:http";
import type { Snapshot, Update } from "./messages.js";

/** How often pages are told of changes, ms. */
const interval = 500;

/** And how often they are told something where nothing changes, ms: who is silent for longer is gone. */
const silence = 10_000;

/** Pages at once. */
const pagesAllowed = 64;

/** What may wait for one page to read it, bytes; it is cut off then, and comes back by itself. */
const backlogAllowed = 4 * 1024 * 1024;

export interface LiveStreamOptions {
  readonly snapshot: () => Snapshot;
  /** What changed since the last call; undefined where nothing did, and `always` is not set. */
  readonly takeUpdate: (always: boolean) => Update | undefined;
  /** Monotonic, ms. */
  readonly now: () => number;
}

export class LiveStream {
  readonly #options: LiveStreamOptions;
  readonly #pages = new Set<ServerResponse>();
  #timer: NodeJS.Timeout | undefined;
  /** When something was last said. */
  #spokeAt = 0;

  constructor(options: LiveStreamOptions) {
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

  /** Says how it ended, and ends. */
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
