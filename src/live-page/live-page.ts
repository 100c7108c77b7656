/**
 * The live page of a run: served by the coordinator along with `/metrics`. It is read-only.
 *
 *   /           the page, one file without anything from elsewhere
 *   /live.json  everything it shows, once
 *   /live       the same as server-sent events: "snapshot", then "update"
 */
import type { RunNames } from "../config/index.js";
import type { RunControl } from "../control/index.js";
import type { Page } from "../telemetry/index.js";
import { shownStatus, type Audience } from "./audience.js";
import type { ShownStatus, Snapshot, Update } from "./messages.js";
import * as document from "./page.html.js";
import type { LiveRecord } from "./record.js";
import { servedPages } from "./served-pages.js";
import { LiveStream } from "./stream.js";

export interface LivePageOptions {
  readonly names: RunNames;
  readonly control: Pick<RunControl, "status" | "watch">;
  readonly record: LiveRecord;
  readonly audience: Audience;
  /** Monotonic, ms. */
  readonly now: () => number;
}

export class LivePage {
  readonly pages: readonly Page[];
  readonly #options: LivePageOptions;
  readonly #stream: LiveStream<Snapshot, Update>;
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
    this.pages = servedPages({
      document,
      snapshot: () => this.#snapshot(),
      stream: this.#stream,
    });
  }

  /** Sends the outcome of the run to open pages, and closes them. */
  close(): void {
    this.#unwatch();
    this.#changed = true;
    this.#stream.close();
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
