/**
 * Serves a page and its data. It is read-only.
 *
 *   /           the page, one file without anything from elsewhere
 *   /live.json  everything it shows, once
 *   /live       the same as server-sent events
 */
import { plain, type Page, type Reply } from "../telemetry/index.js";
import type { LiveStream } from "./stream.js";

/** A page as `scripts/generate.mjs` writes it; the hashes are those of a Content-Security-Policy. */
export interface PageDocument {
  readonly html: string;
  readonly scriptHash: string;
  readonly styleHash: string;
}

export interface ServedPagesOptions<Snapshot, Update> {
  readonly document: PageDocument;
  readonly snapshot: () => Snapshot;
  readonly stream: LiveStream<Snapshot, Update>;
}

export function servedPages<Snapshot, Update>({
  document,
  snapshot,
  stream,
}: ServedPagesOptions<Snapshot, Update>): readonly Page[] {
  const page = (path: string, answer: () => Reply): Page => ({ path, answer });
  return [
    page("/", () => ({
      status: 200,
      headers: {
        "Content-Security-Policy": contentSecurityPolicy(document),
        "Referrer-Policy": "no-referrer",
        "Content-Type": "text/html; charset=utf-8",
      },
      body: document.html,
    })),
    page("/live.json", () => ({
      status: 200,
      headers: { "Content-Type": "application/json; charset=utf-8" },
      body: JSON.stringify(snapshot()),
    })),
    page("/live", () =>
      stream.full
        ? plain(503, "too many pages are open")
        : {
            status: 200,
            headers: { "Content-Type": "text/event-stream; charset=utf-8" },
            body: (response) => stream.open(response),
          },
    ),
  ];
}

/** Allows only the page's own script and style, and requests to its origin. */
const contentSecurityPolicy = ({ scriptHash, styleHash }: PageDocument): string =>
  [
    "default-src 'none'",
    `script-src '${scriptHash}'`,
    `style-src '${styleHash}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
