/** What strangers and members can send, without a gRPC library. Everything ends with the signal. */
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { metadataKeys, withToken } from "../../../src/rpc/index.js";
import type { CoordinatorMessageOutput, CoordinatorStub, WelcomeOutput } from "../../../src/rpc/index.js";
import { seal } from "../../../src/rpc/seal.js";
import { clientOf, frame, joinOf } from "../hostile.js";

export interface Place {
  readonly port: number;
  /** An address of this machine. */
  readonly from: string;
}

const headersOf = (path: string, more: Record<string, string> = {}): Record<string, string> => ({
  ":method": "POST",
  ":path": path,
  "content-type": "application/grpc",
  te: "trailers",
  ...more,
});

/** A connection; nothing that fails on it matters. */
export function session({ port, from }: Place): ClientHttp2Session {
  const opened = connectHttp2(`http://127.0.0.1:${port}`, {
    createConnection: () => connect({ port, host: "127.0.0.1", localAddress: from }),
  });
  return opened.on("error", () => undefined);
}

export function request(on: ClientHttp2Session, path: string, more: Record<string, string> = {}): ClientHttp2Stream {
  const stream = on.request(headersOf(path, more));
  return stream.on("error", () => undefined);
}

/** Silent connections; whatever is closed is opened again. Resolves once they are open for the first time. */
export async function silentConnections(places: readonly Place[], signal: AbortSignal): Promise<void> {
  const open = new Set<Socket>();
  const again = ({ port, from }: Place): Promise<unknown> => {
    const socket = connect({ port, host: "127.0.0.1", localAddress: from });
    open.add(socket);
    socket.on("error", () => undefined).resume();
    socket.once("close", () => {
      open.delete(socket);
      if (!signal.aborted) setTimeout(() => void again({ port, from }), 1_000);
    });
    return Promise.race([once(socket, "connect"), once(socket, "close")]).catch(() => undefined);
  };
  signal.addEventListener("abort", () => open.forEach((socket) => socket.destroy()));
  await Promise.all(places.map(again));
}

/** Runs `round` on connections that are opened again when they are closed, until the signal. */
export async function overAndOver(
  places: readonly Place[],
  signal: AbortSignal,
  round: (on: ClientHttp2Session) => Promise<unknown>,
): Promise<void> {
  const attack = async (place: Place): Promise<void> => {
    while (!signal.aborted) {
      const on = session(place);
      const closed = once(on, "close").catch(() => undefined);
      const end = (): void => on.destroy();
      signal.addEventListener("abort", end, { once: true });
      while (!on.closed && !on.destroyed) await Promise.race([closed, round(on)]);
      signal.removeEventListener("abort", end);
      on.destroy();
      await closed;
      // Bounded: the attacker takes processor time from the workers, too.
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  };
  await Promise.all(places.map(attack));
}

/** Resolves when a stream is over. */
export const over = async (stream: ClientHttp2Stream): Promise<void> => {
  stream.resume();
  if (!stream.closed) await once(stream, "close").catch(() => undefined);
};

/** A question to the reflection service: `file_containing_symbol: "coxswain.v1.Coordinator"`. */
const question = frame(Buffer.concat([Buffer.from([0x22, 23]), Buffer.from("coxswain.v1.Coordinator")]));

export const reflectionPath = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/** Questions without end on one stream, read or unread. */
export async function reflectionFlood(on: ClientHttp2Session, isRead: boolean, headers = {}): Promise<void> {
  const stream = request(on, reflectionPath, headers);
  if (isRead) stream.resume();
  const many = Buffer.concat(Array.from({ length: 500 }, () => question));
  const closed = once(stream, "close").catch(() => undefined);
  for (;;) {
    const isFull = !stream.write(many);
    if (stream.destroyed) return;
    if (isFull) await Promise.race([once(stream, "drain").catch(() => undefined), closed]);
  }
}

/** Takes part under an id, but computes nothing and reads no answer. */
export class IdleMember {
  readonly #client: CoordinatorStub;
  /** Its welcome. */
  readonly welcomed: Promise<WelcomeOutput>;

  constructor(
    port: number,
    readonly token: string,
    readonly id: string,
  ) {
    this.#client = clientOf(port);
    const control = this.#client.attend(withToken(token));
    control.on("error", () => undefined);
    this.welcomed = new Promise((resolve, reject) => {
      control.on("data", ({ welcome }: CoordinatorMessageOutput) => {
        if (welcome) resolve(welcome);
        else control.write({ heartbeat: {} });
      });
      control.once("error", reject);
    });
    control.write(joinOf(id));
  }

  /** Headers of its bulk calls. */
  async headers(): Promise<Record<string, string>> {
    const { runId, sessionKey } = await this.welcomed;
    return {
      authorization: `Bearer ${this.token}`,
      [metadataKeys.run]: runId,
      [metadataKeys.worker]: this.id,
      [metadataKeys.session]: sessionKey,
    };
  }

  close(): void {
    this.#client.close();
  }
}

/** Bulk calls whose answers are never read, as many as may be, again whenever one is over. */
export async function unreadPulls(
  place: Place,
  headers: Record<string, string>,
  calls: readonly { readonly path: string; readonly body: Buffer }[],
  signal: AbortSignal,
): Promise<void> {
  const on = session(place);
  const pull = async ({ path, body }: { path: string; body: Buffer }): Promise<void> => {
    while (!on.closed && !on.destroyed) {
      const stream = request(on, path, headers).end(frame(seal(body)));
      if (!stream.closed) await once(stream, "close").catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  signal.addEventListener("abort", () => on.destroy());
  await Promise.all(calls.map(pull));
}
