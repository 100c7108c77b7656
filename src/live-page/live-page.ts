/**
 * The live page of a run: served by the coordinator along with `/metrics`. It is read-only.
 *
 *   /           the page, one file without anything from elsewhere
 *   /live.json  everything it shows, once
 *   /live       the same as server-sent events: "snapshot", then "update"
 */
import type { IncomingMessage } from "node:http";
import { isLoopback, type RunNames } from "../config/index.js";
import type { RunControl } from "../control/index.js";
import { plain, type Page, type Reply } from "../telemetry/index.js";
import { shownStatus, type Audience } from "./audience.js";
import type { ShownStatus, Snapshot, Update } from "./messages.js";
import { html, scriptHash, styleHash } from "./page.html.js";
import type { LiveRecord } from "./record.js";
import { LiveStream } from "./stream.js";

export interface LivePageOptions {
  readonly names: RunNames;
  readonly control: Pick<RunControl, "status" | "watch">;
  readonly record: LiveRecord;
  readonly audience: Audience;
  /** Monotonic, ms. */
  readonly now: () => number;
}

/** Allows only the page's own script and style, and requests to its origin. */
const contentSecurityPolicy = [
  "default-src 'none'",
  `script-src '${scriptHash}'`,
  `style-src '${styleHash}'`,
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const headers = { "Content-Security-Policy": contentSecurityPolicy, "Referrer-Policy": "no-referrer" };

export class LivePage {
  readonly pages: readonly Page[];
  readonly #options: LivePageOptions;
  readonly #stream: LiveStream;
  readonly #unwatch: () => void;
  /** Something happened since the status was last read. */
  #changed = true;
  #toldStatus = "";

  constructor(options: LivePageOptions) {
    this.#options = options;
    this.#stream = new LiveStream({
      snapshot: () => this.#snapshot(),
      takeUpdate: (always) => this.#takeUpdate(always),
      now: options.now,
    });
    this.#unwatch = options.control.watch(() => (this.#changed = true));
    this.pages = [
      this.#page("/", () => ({
        status: 200,
        headers: { ...headers, "Content-Type": "text/html; charset=utf-8" },
        body: html,
      })),
      this.#page("/live.json", () => ({
        status: 200,
        headers: { "Content-Type": "application/json; charset=utf-8" },
        body: JSON.stringify(this.#snapshot()),
      })),
      this.#page("/live", () => this.#openStream()),
    ];
  }

  /** Sends the outcome of the run to open pages, and closes them. */
  close(): void {
    this.#unwatch();
    this.#changed = true;
    this.#stream.close();
  }

  #page(path: string, answer: () => Reply): Page {
    const { audience } = this.#options;
    return {
      path,
      answer: (request) =>
        audience === "machine" && !isForThisMachine(request)
          ? plain(
              403,
              "this page is only served to this machine: open it as http://127.0.0.1 or http://localhost, if necessary through a tunnel",
            )
          : answer(),
    };
  }

  #openStream(): Reply {
    if (this.#stream.full) return plain(503, "too many pages are open");
    return {
      status: 200,
      headers: { "Content-Type": "text/event-stream; charset=utf-8" },
      body: (response) => this.#stream.open(response),
    };
  }

  #status(): ShownStatus {
    const { control, names, audience } = this.#options;
    return shownStatus(control.status(), names, audience);
  }

  #snapshot(): Snapshot {
    return { status: this.#status(), ...this.#options.record.snapshot() };
  }

  #takeUpdate(always: boolean): Update | undefined {
    const update = this.#options.record.takeUpdate();
    if (update === undefined && !this.#changed && !always) return undefined;
    this.#changed = false;
    const status = this.#status();
    const text = JSON.stringify(status);
    if (update === undefined && text === this.#toldStatus && !always) return undefined;
    this.#toldStatus = text;
    return { status, ...update };
  }
}

/** Prevents DNS rebinding: a foreign page's name could resolve to this machine. */
function isForThisMachine({ headers: { host } }: IncomingMessage): boolean {
  const name = /^(\[.+\]|[^:]*)(?::\d+)?$/.exec(host ?? "")?.[1]?.replace(/^\[|\]$/g, "");
  return name !== undefined && isLoopback(name);
}
