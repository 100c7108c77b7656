/** An answer over HTTP, as data. */
import type { IncomingMessage, ServerResponse } from "node:http";

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Text, or a function that takes over the response once its head is written, and ends it. */
  readonly body: string | ((response: ServerResponse) => void);
}

/** A page of the telemetry server. */
export interface Page {
  /** Beginning with "/", without a query. */
  readonly path: string;
  /** Handles GET; for HEAD the body is omitted. */
  answer(request: IncomingMessage): Reply | Promise<Reply>;
}

export function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { "Content-Type": "text/plain; charset=utf-8", ...headers }, body: `${text}\n` };
}
